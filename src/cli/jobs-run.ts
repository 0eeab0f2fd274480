import { join } from "node:path";
import { harmless } from "../errors/index.ts";
import type { Push } from "../git/index.ts";
import type { Job, JobOf, JobVerdict, ResolvedJob } from "../jobs/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { flattened } from "./job-document.ts";
import type { StartOptions } from "./jobs.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder } from "./recorded.ts";
import { runAskedBuild } from "./run-build.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** A job whose build can begin: its source is checked out. */
export interface ReadyJob {
  readonly job: JobOf<"build">;
  readonly push: Push;
  readonly resolved: ResolvedJob;
}

/** Runs a job by hand, on the commit of a ref. */
export async function runByHand(session: Session, name: string, options: StartOptions): Promise<ExitCode> {
  const { terminal, env } = session;
  const { findJob, holdingTurn, isJobOf, isSameRepository, judgePush, readJobs, resolveJob } = await import(
    "../jobs/index.ts"
  );
  const { readPush } = await import("../git/index.ts");
  const { job } = findJob(await readJobs(options.jobsDir), name);
  if (!isJobOf(job, "build")) {
    throw new UsageError(
      `${job.name} is no build, and builds alone are run without a server`,
      `use the verb of its kind: waybill ${job.work.kind === "propose" ? "pr" : job.work.kind}`,
    );
  }
  const { ref, before, checkout } = options;
  const push = await readPush(checkout, { environment: env, ref, before });
  if (push.origin !== undefined && !isSameRepository(push.origin, job.repo)) {
    terminal.warn(harmless(`the job is for ${job.repo}, and the checkout is of ${push.origin}`));
  }
  const verdict: JobVerdict =
    job.on === undefined
      ? { verdict: "run", reason: "no push starts it, so by hand it is run on any ref" }
      : judgePush(job, push);
  const isRun = verdict.verdict === "run" || options.force === true;
  if (options.dryRun === true || !isRun) {
    const resolved = resolveJob(job, push, push.root);
    const document = await dryRunOf(job, push, verdict, isRun, resolved);
    await deliver(session, {
      text: (shown) => printDryRun(shown, { job, push, resolved }, verdict, isRun),
      json: () => asJson(document),
    });
    return exitCodes.asDesired;
  }
  const locks = join(await dataFolder(session, options.dataDir), "locks");
  const run = (): Promise<ExitCode> => runNow(session, { job, push, verdict }, options);
  return holdingTurn(job, locks, run, ({ what, holder }) =>
    terminal.say(harmless(`waiting: ${what}${holder === undefined ? "" : ` (process ${holder})`}`)),
  );
}

async function runNow(
  session: Session,
  { job, push, verdict }: Pick<ReadyJob, "job" | "push"> & { readonly verdict: JobVerdict },
  options: StartOptions,
): Promise<ExitCode> {
  const { terminal, env } = session;
  const { resolveJob } = await import("../jobs/index.ts");
  const { checkoutPush } = await import("../git/index.ts");
  terminal.note(harmless(`${job.name} at ${push.ref}, ${push.commit}: ${verdict.reason}`));
  if (verdict.verdict === "skip") terminal.note("it is run all the same: --force");
  const files = await checkoutPush(push, env);
  try {
    const resolved = resolveJob(job, push, files.folder, env);
    return await build(session, { job, push, resolved }, options);
  } finally {
    await files.close();
  }
}

async function build(
  session: Session,
  { job, push, resolved }: ReadyJob,
  options: StartOptions,
): Promise<ExitCode> {
  const { prepareBuild } = await import("../builds/index.ts");
  const data = await dataFolder(session, options.dataDir);
  const { type, refs, spec, request, timeoutSeconds } = resolved;
  return runAskedBuild(session, {
    data,
    job: job.name,
    type,
    spec,
    refs,
    timeoutSeconds,
    secrets: options.secret ?? [],
    prepare: (run) =>
      prepareBuild({
        ...request,
        pushTo: options.pushTo ?? request.pushTo,
        engine: options.engine ?? request.engine,
        ref: push.ref,
        repository: push.origin === undefined ? job.repo : request.repository,
        configName: join(job.work.build.dir, job.work.build.config ?? "cloudbuild.yaml"),
        registryFolder: join(data, "registry"),
        environment: resolved.environment(run),
      }),
  });
}

/** What would be built, as plain data. Of what is known in a run alone, only the names. */
async function dryRunOf(job: Job, push: Push, verdict: JobVerdict, isRun: boolean, resolved: ResolvedJob) {
  const { variablesOfRun } = await import("../jobs/index.ts");
  const { environment: _, ...plain } = resolved;
  const { root: __, ...pushed } = push;
  return {
    format: "waybill-job/1",
    job: flattened(job),
    push: pushed,
    verdict,
    runs: isRun,
    ...plain,
    environmentOfRun: variablesOfRun,
  };
}

async function printDryRun(
  terminal: Terminal,
  { job, push, resolved }: ReadyJob,
  verdict: JobVerdict,
  isRun: boolean,
): Promise<void> {
  const { variablesOfRun } = await import("../jobs/index.ts");
  const { environment, google = {}, ...plain } = resolved.request;
  const given = (options: object, what = ""): string[][] =>
    Object.entries(options).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, `${value}${what}`]],
    );
  const rows = [
    ["job", job.name],
    ["ref", push.ref],
    ["commit", push.commit],
    [isRun ? "runs" : "skipped", verdict.reason],
    ...(isRun && verdict.verdict === "skip" ? [["forced", "--force"]] : []),
    ...given(plain),
    ...given(google, " (for Google's service alone)"),
    ...Object.entries(environment).map(([name, value]) => [`$${name}`, value ?? ""]),
    ...variablesOfRun.map((name) => [`$${name}`, "(once it runs)"]),
  ];
  const width = Math.max(...rows.map(([key = ""]) => key.length));
  for (const [key = "", value = ""] of isRun ? rows : rows.slice(0, 4)) {
    terminal.print(harmless(`${key.padEnd(width)}  ${value}`));
  }
}
