import { setTimeout as sleep } from "node:timers/promises";
import { phrase, phraseOf } from "../../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  describeBytes,
  limits,
  mediaTypes,
  referrersTag,
} from "../../oci/index.ts";
import type { RegistryError } from "../errors.ts";
import type { HostClient } from "../host/host-client.ts";
import { putDocument } from "./documents.ts";
import { listRepository } from "./listing.ts";
import { askReferrersApi } from "./referrers-api.ts";
import { isReferrersList, readReferrersTag, tagTaken } from "./referrers-tag.ts";
import { failed, type Remote } from "./remote.ts";

/** A manifest that this process has put, as its subject's list is to show it. */
interface Mine {
  readonly entry: Descriptor;
  /** Whoever waits asks at the end whether it has stayed. */
  confirmsLater: boolean;
  /** Times that it was written into the list, since somebody waits for it. */
  written: number;
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[];
}

/** Times that an entry is written again when another process has overwritten it. */
const maxWrites = 8;
/** Looks at a list, at the end, that others go on writing. */
const maxLooks = 8;

/**
 * The list of one subject's referrers on a registry, as this process keeps it. A registry has no way to write only if
 * nobody else has written: of two writers that read the same list, the later one takes out what the earlier one put in.
 * Who could do that has read before the entry was there. So an entry is looked for again after longer than any answer of
 * this registry has taken, and put in again when it is gone; entries that wait at the same time are written together.
 */
export type ReferrersList = ReturnType<typeof openList>;

function openList(remote: Remote, subject: Digest) {
  /** What was put here, by digest. */
  const put = new Map<Digest, Mine>();
  /** The list as it was last seen or written here. */
  let seen: Digest | undefined;
  /** When it was last written here, or seen to have been written by others. */
  let changedAt = Number.NEGATIVE_INFINITY;
  /** What has been found to be a list of referrers, or was written as one. */
  const proven = new Set<Digest>();
  let turn: Promise<unknown> = Promise.resolve();

  /** Readings and writings come one after the other. */
  const next = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };

  /** By chance, so that two who collide do not collide again. */
  const settling = (): number => remote.client.settling * (1 + Math.random() / 2);

  /** Resolves when whoever had read the list before it was last written here has written, too. */
  const settled = async (wait: number): Promise<void> => {
    const left = changedAt + wait - performance.now();
    if (left > 0) await sleep(left);
  };

  /** The list as it is. @throws {RegistryError} `referrers-tag-taken` when something else has its place. */
  const read = async (): Promise<List> => {
    const content = await readReferrersTag(remote, subject);
    seen = undefined;
    if (content.kind === "nothing") return nothing;
    if (content.kind !== "index") {
      if (content.kind === "the image itself" && (await isNoTag())) return nothing;
      throw tagTaken(remote, subject, content.kind);
    }
    const { document, entries } = content;
    const { digest } = document.descriptor;
    const isList = proven.has(digest) || (await isReferrersList(remote, subject, entries));
    if (!isList) throw tagTaken(remote, subject, "an index that is no list of referrers");
    proven.add(digest);
    seen = digest;
    return { digests: new Set(entries.map((entry) => entry.digest)), bytes: document.bytes };
  };

  /** Whether the registry answers with the image for its digest alone, so that no tag is in the way. */
  const isNoTag = async (): Promise<boolean> => {
    const listing = await listRepository(remote);
    return listing !== undefined && !listing.tags.includes(referrersTag(subject));
  };

  /** Adds entries to the list; what it holds stays as it is, with fields that nobody here knows. */
  const write = async ({ bytes: present }: List, entries: readonly Descriptor[]): Promise<void> => {
    const bytes = Buffer.from(JSON.stringify(withEntries(present, entries)));
    if (bytes.length > limits.manifestBytes) {
      throw failed(remote, undefined, "too-large", phrase`the list of referrers of ${subject} is full`);
    }
    const descriptor = describeBytes(mediaTypes.ociIndex, bytes);
    await putDocument(remote, { descriptor, bytes }, [referrersTag(subject)]);
    seen = descriptor.digest;
    proven.add(descriptor.digest);
    changedAt = performance.now();
  };

  /**
   * Whether the registry's list shows it: `false` where there is no such list, for some say that they keep one and do
   * not. @throws {RegistryError} when there is one that does not show it.
   */
  const isInApi = async (digest: Digest): Promise<boolean> => {
    for (let look = 0; look < maxLooks; look += 1) {
      const answer = await askReferrersApi(remote, subject);
      if (answer.kind !== "list") return false;
      if (answer.entries.some((entry) => entry.digest === digest)) return true;
      await sleep(settling());
    }
    throw unconfirmed(remote, subject, "the registry says that it keeps it, and does not show");
  };

  /** Settles who waits for what is there, and writes what is not. */
  const round = async (waiting: readonly Mine[]): Promise<void> => {
    const hasNew = waiting.some(({ written }) => written === 0);
    if (!hasNew) await settled(settling());
    const list = await read();
    const due: Mine[] = [];
    for (const mine of waiting) {
      const isThere = list.digests.has(mine.entry.digest);
      if (!isThere && mine.written < maxWrites) due.push(mine);
      else if (!isThere) throw unconfirmed(remote, subject, "others keep overwriting the");
      // What was written a moment ago may still be undone.
      else if (mine.written === 0 || !hasNew) release(mine);
    }
    const missing = due.map(({ entry }) => entry);
    if (missing.length > 0) await write(list, missing);
    for (const mine of due) {
      mine.written += 1;
      if (mine.confirmsLater) release(mine);
    }
  };

  /** Until nobody waits any more. Never rejects: those who wait do. */
  const settleAll = async (): Promise<void> => {
    for (;;) {
      const waiting = [...put.values()].filter((mine) => mine.waiting.length > 0);
      if (waiting.length === 0) return;
      try {
        await round(waiting);
      } catch (error) {
        for (const mine of waiting) for (const { reject } of mine.waiting.splice(0)) reject(error);
      }
    }
  };

  return {
    /**
     * Resolves when the list has the entry and, if it was written here, still had it a while later.
     * @param keptByRegistry The registry has said that it keeps the list itself.
     * @param confirmsLater Whoever calls asks {@link ReferrersList.confirm} at the end: it resolves when the entry was written.
     */
    async add(entry: Descriptor, keptByRegistry: boolean, confirmsLater: boolean): Promise<void> {
      const { client } = remote;
      if (keptByRegistry && (keepers.has(client) || (await isInApi(entry.digest)))) {
        keepers.add(client);
        return;
      }
      const mine: Mine = put.get(entry.digest) ?? { entry, confirmsLater, written: 0, waiting: [] };
      if (mine.waiting.length === 0) mine.written = 0;
      mine.confirmsLater = confirmsLater && (mine.waiting.length === 0 || mine.confirmsLater);
      put.set(entry.digest, mine);
      await new Promise<void>((resolve, reject) => {
        mine.waiting.push({ resolve, reject });
        void next(settleAll);
      });
    },
    /** Looks again at what was put here, and puts in again what is gone. @returns What is not there for all that. */
    confirm: (): Promise<readonly Digest[]> =>
      next(async () => {
        const mine = [...put.values()].map(({ entry }) => entry);
        let missing: readonly Descriptor[] = [];
        for (let look = 0; look < maxLooks && mine.length > 0; look += 1) {
          // A run that looks for the first time has no collision behind it: all of its lists wait as long, together.
          await settled(look === 0 ? remote.client.settling : settling());
          const before = seen;
          const list = await read();
          missing = mine.filter(({ digest }) => !list.digests.has(digest));
          if (missing.length > 0) await write(list, missing);
          else if (seen === before) return [];
          // A list that is not as it was left has other writers, who may still be at work.
          else changedAt = performance.now();
        }
        return missing.map(({ digest }) => digest);
      }),
  };
}

/** Registries whose own list has shown what they had said that they keep: not each word of theirs is looked into. */
const keepers = new WeakSet<HostClient>();

function release({ waiting }: Mine): void {
  for (const { resolve } of waiting.splice(0)) resolve();
}

interface List {
  readonly digests: ReadonlySet<Digest>;
  /** Absent where there is none yet. */
  readonly bytes?: Uint8Array;
}

const nothing: List = { digests: new Set() };

function withEntries(index: Uint8Array | undefined, entries: readonly Descriptor[]): object {
  const empty = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
  const json: { manifests: unknown[] } =
    index === undefined ? empty : JSON.parse(Buffer.from(index).toString("utf8"));
  return { ...empty, ...json, mediaType: mediaTypes.ociIndex, manifests: [...json.manifests, ...entries] };
}

/** It is not known whether the list keeps an entry. */
function unconfirmed(remote: Remote, subject: Digest, why: string): RegistryError {
  const hint = "run again when nobody else attaches anything to this image";
  return failed(
    remote,
    undefined,
    "referrer-unconfirmed",
    phrase`${phraseOf(why)} list of referrers of ${subject}`,
    hint,
  );
}

const lists = new WeakMap<HostClient, Map<string, ReferrersList>>();

/** The lists that this process has written in a repository. */
export function writtenLists({ client, path }: Remote): readonly ReferrersList[] {
  return [...(lists.get(client) ?? [])].flatMap(([key, list]) => (key.startsWith(`${path}@`) ? [list] : []));
}

/** The list of a subject in a repository: one for the whole process, so that it loses no entry of its own. */
export function referrersListOf(remote: Remote, subject: Digest): ReferrersList {
  const known = lists.get(remote.client) ?? new Map<string, ReferrersList>();
  lists.set(remote.client, known);
  const key = `${remote.path}@${subject}`;
  const list = known.get(key) ?? openList(remote, subject);
  known.set(key, list);
  return list;
}
