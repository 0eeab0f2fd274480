import { createHash } from "node:crypto";
import type { Sql } from "../database/index.ts";
import { GitError, listRemote, type Mirror, openMirror, type RemoteRef } from "../git/index.ts";
import { branchName, type Job, judgePush, repositoryKey } from "../jobs/index.ts";
import type { Asked } from "../queue/index.ts";
import { ask, shortHash } from "./asks.ts";
import type { PushedRef, TriggerWorld } from "./model.ts";
import { type KnownRef, type RefChange, refChanges } from "./ref-changes.ts";
import { type ClaimedRemote, lookingAt, noteRead, noteSeen, withClaim } from "./remotes.ts";

/** Refs that one transaction takes up: of thousands that were pushed at once none waits for all, and a crash loses no batch. */
const batch = 250;

/** A job that a change of a ref starts, and what its cause says. */
interface Start {
  readonly job: Job;
  readonly ref: string;
  readonly commit: string;
  readonly push: PushedRef;
  readonly text: string;
}

/** A change, and what follows from it. */
interface Decided {
  readonly change: RefChange;
  readonly starts: readonly Start[];
}

/**
 * Looks at the branches and tags of a remote, and asks the queue for what each difference from the table of refs starts: in one
 * transaction with the table's new state, so that each push acts once, whatever crashes, and whoever tells of it. The first look
 * starts nothing. What cannot be read is no difference.
 * @returns Whether all of it was read and taken up.
 */
export async function lookAtRefs(world: TriggerWorld, repository: string): Promise<boolean> {
  return lookingAt(world, { repository, what: "refs" }, async (remote) => {
    const { environment, signal } = world;
    const credential = await world.credentialOf(remote.url);
    const listed = await listRemote(remote.url, { credential, environment, signal });
    const listing = hashOf(listed);
    if (remote.known && remote.listing === listing) return noteRead(world, remote, listing);
    if (!remote.known) await takeAsTheyAre(world, remote, listed);
    else
      await takeUp(world, remote, listed, () => openMirror({ ...mirrorOf(world, remote.url), credential }));
    await noteRead(world, remote, listing);
  });
}

/** Which mirror a remote has. */
export function mirrorOf(world: TriggerWorld, url: string) {
  const { mirrors, maxMirrorBytes: maxBytes, environment, signal } = world;
  return { folder: mirrors, maxBytes, url, environment, signal };
}

function hashOf(listed: readonly RemoteRef[]): string {
  const hash = createHash("sha256");
  for (const { ref, object, commit } of listed) hash.update(`${object} ${commit} ${ref}\n`);
  return hash.digest("hex");
}

async function takeAsTheyAre(
  world: TriggerWorld,
  remote: ClaimedRemote,
  listed: readonly RemoteRef[],
): Promise<void> {
  const { repository, url } = remote;
  await withClaim(world, remote, async (sql) => {
    await sql.query("DELETE FROM remote_ref WHERE repository = $1", [repository]);
    await putRefs(sql, repository, listed, world.now());
    await noteSeen(sql, remote);
  });
  world.listener?.({ type: "remote-first-seen", url, what: "refs", found: listed.length });
}

async function putRefs(sql: Sql, repository: string, refs: readonly RemoteRef[], now: Date): Promise<void> {
  if (refs.length === 0) return;
  await sql.query(
    `INSERT INTO remote_ref AS known (repository, ref, object, commit, seen_at)
     SELECT $1, ref, object, commit, $5 FROM unnest($2::text[], $3::text[], $4::text[]) AS listed (ref, object, commit)
     ON CONFLICT (repository, ref) DO UPDATE SET object = excluded.object, commit = excluded.commit, gone_at = NULL,
       seen_at = CASE WHEN known.commit = excluded.commit THEN known.seen_at ELSE excluded.seen_at END,
       moved_from = CASE WHEN known.commit = excluded.commit OR known.ref NOT LIKE 'refs/tags/%' THEN known.moved_from
         ELSE known.commit END`,
    [
      ...[repository, refs.map(({ ref }) => ref), refs.map(({ object }) => object)],
      ...[refs.map(({ commit }) => commit), now],
    ],
  );
}

async function takeUp(
  world: TriggerWorld,
  remote: ClaimedRemote,
  listed: readonly RemoteRef[],
  open: () => Mirror,
): Promise<void> {
  const { repository, url } = remote;
  const known = await knownRefs(world.db, repository);
  const changes = refChanges(known, listed);
  const jobs = world.jobs().filter((job) => job.on !== undefined && repositoryKey(job.repo) === repository);
  const mirror = lookedUp(changes, jobs, open);
  const heads = known.flatMap(({ ref, commit, isGone }) =>
    ref.startsWith("refs/heads/") && !isGone ? [commit] : [],
  );
  let unread: unknown;
  for (let at = 0; at < changes.length; at += batch) {
    const decided: Decided[] = [];
    for (const change of changes.slice(at, at + batch)) {
      // What needs the history of a repository that cannot be fetched waits, and nothing else does.
      const starts = await startsOf(change, jobs, mirror, heads).catch((error: unknown) => {
        if (!(error instanceof GitError)) throw error;
        unread ??= error;
        return undefined;
      });
      if (starts !== undefined) decided.push({ change, starts });
    }
    const asked = await withClaim(world, remote, (sql) => takeUpBatch(sql, world, repository, decided));
    for (const { start, run } of asked) {
      const { job, text: cause } = start;
      world.listener?.({ type: "run-asked-for", job: job.name, run: run.id, outcome: run.outcome, cause });
    }
    tellMovedTags(world, url, decided);
  }
  if (unread !== undefined) throw unread;
}

async function knownRefs(sql: Sql, repository: string): Promise<readonly KnownRef[]> {
  interface Row extends RemoteRef {
    readonly gone: boolean;
  }
  const rows = await sql.query<Row>(
    "SELECT ref, object, commit, gone_at IS NOT NULL AS gone FROM remote_ref WHERE repository = $1",
    [repository],
  );
  return rows.map(({ ref, object, commit, gone }) => ({ ref, object, commit, isGone: gone }));
}

interface AskedStart {
  readonly start: Start;
  readonly run: Asked;
}

async function takeUpBatch(
  sql: Sql,
  { now }: TriggerWorld,
  repository: string,
  decided: readonly Decided[],
): Promise<readonly AskedStart[]> {
  const there = decided.flatMap(({ change }) => (change.type === "gone" ? [] : [change.now]));
  const gone = decided.flatMap(({ change }) => (change.type === "gone" ? [change.before.ref] : []));
  await putRefs(sql, repository, there, now());
  if (gone.length > 0) {
    await sql.query("UPDATE remote_ref SET gone_at = $3 WHERE repository = $1 AND ref = ANY ($2::text[])", [
      ...[repository, gone, now()],
    ]);
  }
  const asked: AskedStart[] = [];
  for (const start of decided.flatMap(({ starts }) => starts)) {
    const { job, ref, commit, push, text } = start;
    const cause = { by: "push", text, at: now().toISOString() } as const;
    asked.push({ start, run: await ask(sql, job, { ref, commit, push }, cause) });
  }
  return asked;
}

function tellMovedTags({ listener, now }: TriggerWorld, url: string, decided: readonly Decided[]): void {
  for (const { change } of decided) {
    if (change.type !== "moved" || !change.now.ref.startsWith("refs/tags/")) continue;
    const { ref, commit: to } = change.now;
    listener?.({ type: "tag-moved", url, tag: { ref, from: change.before.commit, to, seenAt: now() } });
  }
}

/** What a look needs of Git's history, fetched once and only when something asks for it. */
function lookedUp(
  changes: readonly RefChange[],
  jobs: readonly Job[],
  open: () => Mirror,
): () => Promise<Mirror> {
  let ready: Promise<Mirror> | undefined;
  return () => {
    ready ??= (async () => {
      const mirror = open();
      const moved = changes.filter(
        (change) => change.type !== "gone" && jobs.some((job) => needsPaths(job, change.now.ref)),
      );
      await mirror.ensure(
        moved.flatMap((change) => [
          ...(change.type === "gone" ? [] : [{ commit: change.now.commit }]),
          ...(change.type === "moved" ? [{ commit: change.before.commit }] : []),
        ]),
      );
      return mirror;
    })();
    return ready;
  };
}

/** Whether a job would start, if the changed paths are as it wants them, and that is a question. */
function needsPaths(job: Job, ref: string): boolean {
  const { paths, skipPaths } = job.on ?? {};
  const asks = paths !== undefined || skipPaths !== undefined;
  return (
    asks &&
    ref.startsWith("refs/heads/") &&
    judgePush(withoutPaths(job), { ref, changes: [] }).verdict === "run"
  );
}

function withoutPaths(job: Job): Job {
  return { ...job, on: { ...job.on, paths: undefined, skipPaths: undefined } };
}

async function startsOf(
  change: RefChange,
  jobs: readonly Job[],
  mirror: () => Promise<Mirror>,
  heads: readonly string[],
): Promise<readonly Start[]> {
  if (change.type === "gone" || change.type === "same-commit") return [];
  const { ref, commit } = change.now;
  const before = change.type === "moved" ? change.before.commit : undefined;
  const isTag = ref.startsWith("refs/tags/");
  const got = jobs.some((job) => needsPaths(job, ref))
    ? await (await mirror()).got(
        before,
        commit,
        heads.filter((head) => head !== before),
      )
    : undefined;
  const push: PushedRef = {
    ...{ before: isTag ? undefined : before, after: commit, forced: got?.forced },
    movedFrom: isTag ? before : undefined,
  };
  const text = textOf(ref, push);
  return jobs.flatMap((job) => {
    // Where nobody can tell what changed, it is taken for what the job waits for.
    const isUnknown = got !== undefined && got.changes === undefined && needsPaths(job, ref);
    const judged = isUnknown ? withoutPaths(job) : job;
    const { verdict } = judgePush(judged, { ref, changes: got?.changes ?? [] });
    return verdict === "run" ? [{ job, ref, commit, push, text }] : [];
  });
}

function textOf(ref: string, { before, after, forced, movedFrom }: PushedRef): string {
  const name = branchName(ref);
  if (movedFrom !== undefined) return `tag ${name} moved from ${shortHash(movedFrom)} to ${shortHash(after)}`;
  if (ref.startsWith("refs/tags/")) return `tag ${name} at ${shortHash(after)}`;
  if (before === undefined) return `new branch ${name} at ${shortHash(after)}`;
  const push = forced === true ? "force push" : "push";
  return `${push} to ${name}: ${shortHash(before)}..${shortHash(after)}`;
}
