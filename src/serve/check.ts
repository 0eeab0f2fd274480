import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { checkDatabase } from "../database/index.ts";
import { formatDiagnostic } from "../diagnostics/index.ts";
import { makeFolder } from "../disk/index.ts";
import { failureRecord } from "../errors/index.ts";
import { repositoryKey } from "../jobs/index.ts";
import { openObjects } from "../objects/index.ts";
import { networkOf, openSources } from "../work/index.ts";
import { openLiveJobs } from "./live-jobs.ts";
import { migrations } from "./migrations.ts";
import type { ServeOptions } from "./options.ts";

/** Something that a server needs, and whether it has it. */
export interface ServeCheck {
  readonly what: "data" | "database" | "records" | "jobs" | "repository" | "access" | "webhooks";
  readonly where: string;
  /** A `warning` stops nothing; with a `problem`, a server does not start, or leaves something undone. */
  readonly state: "fine" | "warning" | "problem";
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * Looks at all that a server with these options needs, as it would find it: all that is wrong is told at once, and nothing is changed.
 */
export async function checkServer(options: ServeOptions): Promise<readonly ServeCheck[]> {
  const checks = await Promise.all([
    checkData(options),
    checkTables(options),
    checkRecords(options),
    checkJobs(options),
    checkAccess(options),
  ]);
  return checks.flat();
}

async function checkData({ data: where }: ServeOptions): Promise<ServeCheck[]> {
  try {
    await makeFolder(where);
    await access(where, constants.R_OK | constants.W_OK);
    return [{ what: "data", where, state: "fine", message: "can be written to" }];
  } catch (error) {
    return [{ what: "data", where, ...problemOf(error) }];
  }
}

async function checkTables({ database }: ServeOptions): Promise<ServeCheck[]> {
  const { kind, where, version, pending, problem } = await checkDatabase(database, migrations);
  const what = "database";
  if (problem?.code === "locked") {
    return [
      {
        what,
        where,
        state: "warning",
        message: problem.message,
        hint: "as it should be while a server runs",
      },
    ];
  }
  if (problem !== undefined) return [{ what, where, ...problemOf(problem) }];
  const server = `${kind === "pglite" ? "embedded" : "PostgreSQL"}${version === undefined ? "" : ` ${version}`}`;
  const steps = pending.length === 0 ? "up to date" : `the next start applies ${pending.length} steps`;
  return [{ what, where, state: "fine", message: `${server}, ${steps}` }];
}

async function checkRecords({ objects, settings, environment }: ServeOptions): Promise<ServeCheck[]> {
  const what = "records";
  try {
    const store = openObjects(objects, { network: networkOf({ settings, environment }) });
    for await (const _ of store.list("logs/", {})) break;
    return [{ what, where: store.where, state: "fine", message: "can be read" }];
  } catch (error) {
    return [{ what, where: objects, ...problemOf(error) }];
  }
}

async function checkJobs(options: ServeOptions): Promise<ServeCheck[]> {
  const { environment, settings, data, capacities, jobs: place } = options;
  const sourceOf = openSources({ settings, environment, folder: data });
  const mirrors = join(data, "mirrors");
  const live = openLiveJobs({
    ...{ place, capacities: Object.keys(capacities), mirrors, environment, sourceOf, log: () => {} },
    maxMirrorBytes: settings.serve.maxMirrorBytes,
  });
  const set = await live.look();
  const { where, jobs, diagnostics, trouble } = set;
  const what = "jobs";
  const checks: ServeCheck[] = [];
  if (trouble !== undefined) {
    checks.push({ what, where, state: "problem", message: trouble.message, hint: trouble.hint });
  } else checks.push({ what, where, state: "fine", message: `${jobs.length} jobs` });
  for (const diagnostic of diagnostics) {
    const { severity, file, hint } = diagnostic;
    if (severity === "info") continue;
    const state = severity === "error" ? "problem" : "warning";
    checks.push({ what, where: file, state, message: formatDiagnostic(diagnostic), hint });
  }
  const repositories = new Map(jobs.map(({ job }) => [repositoryKey(job.repo), job.repo]));
  const looks = [...repositories.values()].map(async (url): Promise<ServeCheck> => {
    const source = sourceOf(url);
    const isPulled = jobs.some(({ job }) => job.repo === url && job.work.kind === "review");
    try {
      const forge = await source.forge();
      await source.reach();
      if (forge !== undefined) {
        const { kind, host } = forge.forge;
        return {
          what: "repository",
          where: url,
          state: "fine",
          message: `on ${host} (${kind}), with a token`,
        };
      }
      return {
        what: "repository",
        where: url,
        state: isPulled ? "problem" : "warning",
        message: "can be read, and is on no forge that there is a token for: no statuses, no pull requests",
        hint: "say under forges in waybill.yaml what the host is, and give its token in the environment",
      };
    } catch (error) {
      return { what: "repository", where: url, ...problemOf(error) };
    }
  });
  return [...checks, ...(await Promise.all(looks))];
}

async function checkAccess({
  access: rules,
  database,
  webhooks,
  publicUrl,
  listen,
}: ServeOptions): Promise<ServeCheck[]> {
  const isOpenToNobody =
    rules.adminTokenFile === undefined && rules.providers.length === 0 && !("folder" in database);
  const isLoopback = /^(?:localhost|127\.[\d.]+|::1)$/.test(listen.host);
  return [
    isOpenToNobody
      ? {
          what: "access",
          where: "serve.access",
          state: "problem",
          message: "nobody can log in, and there is no token of an admin",
          hint: "name adminTokenFile, or who vouches for people, under serve.access",
        }
      : {
          what: "access",
          where: "serve.access",
          state: "fine",
          message: `${rules.providers.length} ways to log in`,
        },
    publicUrl === undefined && !isLoopback
      ? {
          what: "access",
          where: "serve.publicUrl",
          state: "warning",
          message: "links in statuses lead to the address that is listened at",
          hint: "say the address that people know it by: publicUrl",
        }
      : [],
    webhooks.length === 0
      ? {
          what: "webhooks",
          where: "serve.webhooks",
          state: "warning",
          message: "none is taken: what is pushed is seen within a minute",
          hint: "name a source and its secret under serve.webhooks, and the address /webhooks/NAME at the forge",
        }
      : {
          what: "webhooks",
          where: "serve.webhooks",
          state: "fine",
          message: webhooks.map(({ name }) => name).join(", "),
        },
  ].flat() as ServeCheck[];
}

function problemOf(error: unknown): Pick<ServeCheck, "state" | "message" | "hint"> {
  const { message, hint } = failureRecord(error);
  return { state: "problem", message, hint };
}
