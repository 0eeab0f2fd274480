import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent, isKnownToHaveEnded, processMark, sweep } from "../disk/index.ts";
import type { RepositoryPath } from "../oci/index.ts";
import { type Layout, uploadName } from "./layout.ts";
import { serverLimits } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import type { Room } from "./room.ts";
import { openSession, type UploadSession } from "./upload-session.ts";

/**
 * Blobs on their way in. Sessions survive a restart: their bytes are on disk, and hashed again at the end. Other
 * processes may have theirs in the same folder; the name of a file says whose it is.
 */
export type UploadSessions = ReturnType<typeof openUploadSessions>;

/** `ID.REPOSITORY`, and whose it is: nobody's, or a process's. */
const uploadNamePattern = /^([0-9a-f-]{36}\.[0-9a-f]{16})(?:\.([0-9]+-[0-9a-f]{12}\.[0-9]+))?$/;

let opened = 0;

/** The sessions whose bytes lie in the layout's `uploads` folder. */
export function openUploadSessions(layout: Layout, room: Room) {
  const sessions = new Map<string, UploadSession>();
  // Servers in one process have sessions of their own as well.
  opened += 1;
  const owner = `${processMark()}.${opened}`;
  const ownPath = (name: string) => join(layout.uploads, `${name}.${owner}`);
  const keep = (name: string, client: string, size: number, touchedAt: number): UploadSession => {
    const forget = () => sessions.delete(name);
    const session = openSession(name, ownPath(name), client, size, touchedAt, forget, room);
    sessions.set(name, session);
    return session;
  };

  async function makeRoom(): Promise<void> {
    if (sessions.size < serverLimits.uploadSessions) return;
    const leaving = maxIdle(sessions.values());
    if (leaving === undefined) {
      throw new Refusal("TOOMANYREQUESTS", "too many uploads are under way; wait for one of them to end", {
        headers: { "Retry-After": "10" },
      });
    }
    await leaving.cancel();
  }

  async function takeOver(name: string, client: string): Promise<UploadSession | undefined> {
    for (const file of await readdir(layout.uploads)) {
      const [, found, whose] = uploadNamePattern.exec(file) ?? [];
      if (found !== name) continue;
      const path = join(layout.uploads, file);
      const seen = await ifPresent(stat(path));
      if (seen === undefined) continue;
      const isSilent = seen.mtimeMs < Date.now() - serverLimits.silenceMilliseconds;
      if (whose !== undefined && !isKnownToHaveEnded(whose) && !isSilent) continue;
      // One process alone can rename it.
      const taken = await ifPresent(rename(path, ownPath(name)).then(() => stat(ownPath(name))));
      if (taken !== undefined) return keep(name, client, taken.size, taken.mtimeMs);
    }
    // Two requests may have asked at once.
    return sessions.get(name);
  }

  async function refuseHoarding(repository: RepositoryPath, client: string): Promise<void> {
    const idle = [...sessions.values()].filter(
      (session) =>
        session.isIdle && session.client === client && session.name === uploadName(repository, session.id),
    );
    const oldest = idle.length < serverLimits.idleUploads ? undefined : maxIdle(idle);
    if (oldest === undefined) return;
    if (oldest.touchedAt < Date.now() - serverLimits.idleUploadMilliseconds) return oldest.cancel();
    throw new Refusal("TOOMANYREQUESTS", "too many uploads were begun here; finish or cancel one of them", {
      headers: { "Retry-After": String(serverLimits.idleUploadMilliseconds / 1000) },
    });
  }

  const beginWhole = async (repository: RepositoryPath, client: string): Promise<UploadSession> => {
    await makeRoom();
    const name = uploadName(repository, randomUUID());
    const session = keep(name, client, 0, Date.now());
    try {
      await writeFile(ownPath(name), "", { flag: "wx" });
    } catch (thrown) {
      sessions.delete(name);
      throw thrown;
    }
    return session;
  };

  const giveUp = async (isDue: (session: UploadSession) => boolean): Promise<number> => {
    const leaving = [...sessions.values()].filter(isDue);
    for (const session of leaving) await session.cancel().catch(() => undefined);
    return leaving.length;
  };

  return {
    /** Opens a session for a blob that comes with the same request, so that no client can leave many of them. */
    beginWhole,
    /**
     * Opens a session. When too many are open, the one that got nothing for longest is given up for it: of those of the
     * client that has most.
     * @throws {Refusal} `TOOMANYREQUESTS` when bytes are coming in for all of them, or the client has begun too many in this
     * repository within a minute without sending anything for them.
     */
    async begin(repository: RepositoryPath, client: string): Promise<UploadSession> {
      await refuseHoarding(repository, client);
      return beginWhole(repository, client);
    },
    /**
     * The session of that id, if this repository has it. One that is on disk alone is taken over when nobody else can be
     * writing it: it was let go, its process has ended, or it was silent for longer than any connection may be.
     */
    async find(repository: RepositoryPath, id: string, client: string): Promise<UploadSession | undefined> {
      const name = uploadName(repository, id);
      return sessions.get(name) ?? takeOver(name, client);
    },
    /**
     * Gives up sessions that got no byte for longer than the limit, and drafts as old; of those that nobody has open, all
     * but the newest. Answers how many.
     */
    async sweep(now: number): Promise<number> {
      const before = now - serverLimits.uploadAgeMilliseconds;
      const isOthers = (name: string) => uploadNamePattern.test(name) && !name.endsWith(`.${owner}`);
      return (
        (await giveUp(({ touchedAt }) => touchedAt < before)) +
        (await sweep(layout.uploads, { owner: (name) => (isOthers(name) ? "" : undefined), before })) +
        (await sweepAbandoned(layout.uploads)) +
        (await sweep(layout.temporary, { owner: (name) => name, before }))
      );
    },
    /** Gives up sessions for which nothing has come for longer than any connection may be silent; answers how many. */
    giveUpIdle(): Promise<number> {
      const before = Date.now() - serverLimits.silenceMilliseconds;
      return giveUp(({ isIdle, touchedAt }) => isIdle && touchedAt < before);
    },
    /** Lets all sessions go, for whoever serves the folder next. */
    async release(): Promise<void> {
      for (const [name, session] of sessions) {
        await session.release(join(layout.uploads, name)).catch(() => undefined);
      }
    },
  };
}

/** Removes of the sessions that no living process has open the oldest, beyond the limit; answers how many. */
async function sweepAbandoned(folder: string): Promise<number> {
  const found: { readonly path: string; readonly mtimeMs: number }[] = [];
  for (const name of await readdir(folder)) {
    const [whole, , whose] = uploadNamePattern.exec(name) ?? [];
    if (whole === undefined || (whose !== undefined && !isKnownToHaveEnded(whose))) continue;
    const path = join(folder, name);
    const seen = await ifPresent(stat(path));
    if (seen !== undefined) found.push({ path, mtimeMs: seen.mtimeMs });
  }
  const newestFirst = found.sort((one, other) => other.mtimeMs - one.mtimeMs);
  const leaving = newestFirst.slice(serverLimits.uploadSessions);
  for (const { path } of leaving) await rm(path, { force: true });
  return leaving.length;
}

/** Of the client that has most sessions for which nothing is coming in, the one that got nothing for longest. */
function maxIdle(sessions: Iterable<UploadSession>): UploadSession | undefined {
  const all = [...sessions];
  const counts = new Map<string, number>();
  for (const { client } of all) counts.set(client, (counts.get(client) ?? 0) + 1);
  const countOf = ({ client }: UploadSession) => counts.get(client) ?? 0;
  const [first] = all
    .filter(({ isIdle }) => isIdle)
    .sort((one, other) => countOf(other) - countOf(one) || one.touchedAt - other.touchedAt);
  return first;
}
