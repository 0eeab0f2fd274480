import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  keepAdminToken,
  openLogins,
  openMachines,
  openProviderFetch,
  sweepSessions,
  sweepTokens,
} from "../access/index.ts";
import { commandOnPage } from "../chatops/index.ts";
import { openIntake } from "../deliveries/index.ts";
import { errorCodeOf, readNamed, replaceFile } from "../disk/index.ts";
import { openBucket } from "../objects/index.ts";
import { createPages } from "../pages/index.ts";
import { type App, createApp, listen } from "../server/index.ts";
import { openProwArchive } from "../store/index.ts";
import type { Metrics } from "../telemetry/index.ts";
import { networkOf, registriesForReading } from "../work/index.ts";
import { backupToSend } from "./backup.ts";
import { openChat } from "./chat.ts";
import { every } from "./every.ts";
import { logProblem } from "./log.ts";
import { openMemberships } from "./memberships.ts";
import type { ServeOptions } from "./options.ts";
import { promotionState } from "./promotion-state.ts";
import { previewOf, sendersOf } from "./senders.ts";
import type { ServerCore } from "./serve.ts";
import { servedState } from "./state.ts";

/** What of a process answers requests. */
export interface Web {
  readonly address: string;
  readonly url: string;
  readonly adminTokenFile: string | undefined;
  setReady(isReady: boolean): void;
  /** Why it is given no requests now, beside its database. */
  whyUnready(): Promise<string | undefined>;
  close(within: number): Promise<void>;
}

const hour = 60 * 60_000;
const maxTokenBytes = 4096;
/** Milliseconds for what somebody who looks at an image waits for its registry. */
const readingWithin = 10_000;

/** Listens, and answers: all of the API where the process has the role, else only whether it is well. */
export async function openWeb(core: ServerCore, stopping: AbortSignal): Promise<Web> {
  const { options, db, queue, runs, jobs, sourceOf, metrics } = core;
  const { settings, environment, access, log, webhooks, version } = options;
  let isReady = false;
  let app: App | undefined;
  const listening = await listen(
    {
      fetch: async (request, address) =>
        app === undefined ? new Response("it starts\n", { status: 503 }) : app.fetch(request, address),
    },
    options.listen,
  );
  const { address } = listening;
  const publicUrl = options.publicUrl ?? new URL(`http://${address}`);
  const url = publicUrl.origin;
  const setReady = (value: boolean): void => {
    isReady = value;
  };
  const whyUnready = async (): Promise<string | undefined> =>
    isReady ? core.lackOfDisk() : "it starts or stops";
  if (!options.roles.has("web")) {
    app = { fetch: async (request) => answerHealth(new URL(request.url).pathname, whyUnready, metrics) };
    return { address, url, adminTokenFile: undefined, setReady, whyUnready, close: listening.close };
  }
  const { fetch, close } = openProviderFetch(networkOf({ settings, environment }));
  try {
    const now = (): Date => new Date();
    const { chat, projectOf } = openChat(core, stopping);
    const admin = await adminToken(options);
    await keepAdminToken(db, admin.token, now());
    const api = createApp({
      ...{ version, db, queue, runs, publicUrl, stopping },
      archives: Object.entries(settings.serve.prowBuckets ?? {}).map(([name, place]) =>
        openProwArchive(name, openBucket(place, { network: networkOf({ settings, environment }) })),
      ),
      jobs: {
        current: () => jobs.current(),
        areKnown: jobs.areKnown,
        ownersOf: jobs.ownersOf,
        accept: jobs.accept,
        readNow: jobs.readNow,
      },
      access: {
        settings: access,
        logins: openLogins({
          ...{ providers: access.providers, publicUrl, fetch, environment, now },
          secrets: options.credentialSources.secrets,
        }),
        machines: openMachines(access.machines, fetch, now),
        memberships: openMemberships(
          options,
          core.members,
          logProblem(log, "memberships cannot be read", "warn"),
        ),
      },
      metrics,
      trustedProxies: options.trustedProxies,
      webhooks: { sources: webhooks, accept: openIntake(db) },
      state: servedState(core),
      previewOf: (job, telling) => previewOf(sendersOf(options, url), job, telling),
      promotionOf: (job, commit) => promotionState(job, commit, { queue, runs, sourceOf }),
      commandPull: async (asked, audit) => {
        const project = await projectOf(asked.url);
        return commandOnPage(chat, { ...asked, project, jobs: jobs.jobs() }, audit);
      },
      whyUnready,
      async withRegistries(read) {
        const cut = AbortSignal.any([stopping, AbortSignal.timeout(readingWithin)]);
        const registries = registriesForReading(options, cut);
        try {
          return await read(registries.repository);
        } finally {
          await registries.close();
        }
      },
      backUp: () => backupToSend(db, join(options.data, "backups")),
      onProblem: (error, request) => logProblem(log, `request ${request}`)(error),
    });
    app = createPages({
      ...{ version, api, publicUrl },
      onProblem: (error, request) => logProblem(log, `page ${request}`)(error),
    });
    const sweeping = every(
      hour,
      stopping,
      async () => {
        await sweepSessions(db, now());
        await sweepTokens(db, now());
      },
      logProblem(log, "sessions that have ended cannot be forgotten"),
    );
    return {
      ...{ address, url, setReady, whyUnready },
      adminTokenFile: admin.file,
      async close(within) {
        await listening.close(within);
        await sweeping;
        await close();
      },
    };
  } catch (error) {
    await listening.close(0);
    await close();
    throw error;
  }
}

/** What a process without the API answers, to whoever reaches it: there is nobody whom it could know. */
async function answerHealth(
  path: string,
  whyUnready: () => Promise<string | undefined>,
  metrics: Metrics,
): Promise<Response> {
  if (path === "/healthz") return new Response("ok\n");
  if (path === "/metrics") {
    const { type, text } = await metrics.read();
    return new Response(text, { headers: { "content-type": type } });
  }
  if (path !== "/readyz") return new Response("this process has no pages\n", { status: 404 });
  const why = await whyUnready();
  return why === undefined ? new Response("ok\n") : new Response(`${why}\n`, { status: 503 });
}

/**
 * The token of the first admin: of the file that the settings name; else, where the database is this process's own, of one in the data
 * folder, which is made at the first start.
 */
async function adminToken({ access, data, database }: ServeOptions): Promise<{
  readonly token: string | undefined;
  readonly file: string | undefined;
}> {
  const named = access.adminTokenFile;
  if (named === undefined && !("folder" in database)) return { token: undefined, file: undefined };
  const file = named ?? join(data, "admin-token");
  const found = await readNamed(file, maxTokenBytes).catch((error: unknown) => {
    if (named === undefined && errorCodeOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found !== undefined) return { token: new TextDecoder().decode(found.bytes).trim(), file };
  const token = randomBytes(32).toString("base64url");
  await replaceFile(file, `${token}\n`, { mode: 0o600 });
  return { token, file };
}
