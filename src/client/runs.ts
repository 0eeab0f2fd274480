import type { RunPage, RunQuery, StoredRun } from "../store/index.ts";
import {
  type AnsweredRun,
  type AskedDocument,
  askedSchema,
  pageSchema,
  recordOf,
  runSchema,
  type ServedRun,
  type ShownRun,
  shownRecord,
  shownSchema,
} from "./documents.ts";
import { ClientError } from "./errors.ts";
import { followLog } from "./follow.ts";
import type { Server } from "./server.ts";

/** A run of a server, to be read as those of a folder are. */
interface StoredServedRun extends StoredRun {
  readonly record: ServedRun;
}

/** The runs of a server, read as those of a folder are. */
export interface ServerRuns {
  /** Its address. */
  readonly where: string;
  /** @throws {ClientError} */
  find(name: string): Promise<StoredServedRun>;
  /** @param filter What runs are filtered by, in the words of the API. */
  list(
    query: RunQuery,
    filter?: Readonly<Record<string, string>>,
  ): Promise<RunPage & { readonly runs: readonly ServedRun[] }>;
  /** The log of a run from its beginning, until the run has ended. @throws {ClientError}. */
  follow(id: string): AsyncIterable<Uint8Array>;
}

/** Runs of a page. */
const maxPage = 500;

/** Opens the runs of a server; nothing is asked yet. */
export function serverRuns(server: Server): ServerRuns {
  const { url } = server;
  const list: ServerRuns["list"] = async ({ job, limit, after }, filter = {}) => {
    const query = new URLSearchParams({ ...filter, limit: String(Math.min(limit, maxPage)) });
    if (job !== undefined) query.set("job", job);
    const behind = after?.split("/").at(-1);
    if (behind !== undefined) query.set("after", behind);
    const { items, next } = await server.get(`/runs?${query}`, pageSchema);
    const last = items.at(-1);
    return {
      runs: items.map((run) => recordOf(run, url)),
      next: next === undefined || last === undefined ? undefined : `${last.job}/${next}`,
    };
  };
  return {
    where: url,
    list,
    async find(name) {
      const id = await idOf(server, name);
      return storedRun(server, await server.get(`/runs/${id}`, shownSchema));
    },
    follow: (id) => followLog(server, id),
  };
}

function storedRun(server: Server, shown: ShownRun): StoredServedRun {
  const { id, artifacts } = shown;
  return {
    record: shownRecord(shown, server.url),
    async *log(from = 0) {
      yield* await server.stream(`/runs/${id}/log`, from === 0 ? {} : { range: `bytes=${from}-` });
    },
    async artifacts() {
      if (artifacts !== undefined) return artifacts;
      throw new ClientError("server-failed", "the server cannot list the artifacts of the run now", {
        where: server.url,
        hint: "it cannot read the objects that records are kept in: see its log, and ask again",
      });
    },
    async artifact(path) {
      if (artifacts?.includes(path) === false) return undefined;
      return server.stream(`/runs/${id}/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`);
    },
  };
}

/**
 * The id of a run that is named by it, by `job/id`, by its address, or by its job, which means the newest one.
 * @throws {ClientError} `not-there`.
 */
export async function idOf(server: Server, name: string): Promise<string> {
  const [, id] = /^(?:.*\/)?([0-9]{10,20})$/.exec(name) ?? [];
  if (id !== undefined) return id;
  const isJob = /^[A-Za-z0-9._-]{1,200}$/.test(name);
  const [newest] = isJob
    ? (await server.get(`/runs?${new URLSearchParams({ job: name, limit: "1" })}`, pageSchema)).items
    : [];
  if (newest !== undefined) return newest.id;
  throw new ClientError("not-there", `${server.url} has no run of ${JSON.stringify(name.slice(0, 200))}`, {
    hint: `list what there is: waybill runs --server ${server.url}`,
  });
}

/** Asks for what a run was asked for once more. @throws {ClientError}. */
export async function rerun(server: Server, name: string): Promise<AskedDocument> {
  return server.post(`/runs/${await idOf(server, name)}/rerun`, {}, askedSchema);
}

/** Stops a run. @throws {ClientError}. */
export async function abortRun(server: Server, name: string, why: string | undefined): Promise<AnsweredRun> {
  return server.post(`/runs/${await idOf(server, name)}/abort`, { why }, runSchema);
}

/** Lets a held run have its turn. @throws {ClientError}. */
export async function releaseRun(server: Server, name: string): Promise<AnsweredRun> {
  return server.post(`/runs/${await idOf(server, name)}/release`, {}, runSchema);
}
