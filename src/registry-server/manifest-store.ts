import { open, readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type DurableFiles, ifPresent } from "../disk/index.ts";
import {
  type Descriptor,
  type Digest,
  isDigest,
  isTag,
  type RepositoryPath,
  type Tag,
  type Target,
} from "../oci/index.ts";
import { bringBack } from "./aside.ts";
import {
  digestsIn,
  type Layout,
  manifestPath,
  manifestsFolder,
  referrerName,
  referrerOfName,
  referrersFolder,
  tagFileName,
  tagOfFileName,
  tagsFolder,
} from "./layout.ts";

/** What the registry keeps about a manifest beside its bytes. */
export interface ManifestRecord {
  readonly mediaType: string;
  /** Bytes of the manifest. */
  readonly size: number;
  /** Bytes of the manifest and of all it refers to, what several platforms share counted for each of them. */
  readonly imageSize: number;
  readonly uploadedAt: Date;
  /** What it is about, when it is a referrer. */
  readonly subject: Digest | undefined;
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly record: ManifestRecord;
}

/** A manifest to be stored; it was checked, and what it refers to is there. */
export interface NewManifest {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly imageSize: number;
  /** With its own descriptor as the referrers of the subject show it, when it has a subject. */
  readonly referrer: { readonly subject: Digest; readonly descriptor: Descriptor } | undefined;
}

/** The manifests, tags and referrers of all repositories, to be shown. */
export interface ManifestReader {
  /** What a tag or digest stands for, or `undefined`. */
  find(repository: RepositoryPath, target: Target): Promise<StoredManifest | undefined>;
  /** The same; it stays for a while, because whoever is told of it may be about to refer to it. */
  hold(repository: RepositoryPath, target: Target): Promise<StoredManifest | undefined>;
  /** The same with the bytes. */
  read(repository: RepositoryPath, target: Target): Promise<(StoredManifest & { bytes: Buffer }) | undefined>;
  /** Tags in no order; none for a repository that is not there. */
  tags(repository: RepositoryPath): Promise<Tag[]>;
  /** The digest that each tag stands for. */
  tagDigests(repository: RepositoryPath): Promise<Map<Tag, Digest>>;
  /** All manifests in no order. */
  list(repository: RepositoryPath): Promise<StoredManifest[]>;
  /** The manifests about `subject` that come after `last`, in the order of their digests. */
  referrers(repository: RepositoryPath, subject: Digest, last: Digest | undefined): AsyncGenerator<Referrer>;
}

/** The manifests, tags and referrers of all repositories. */
export interface ManifestStore extends ManifestReader {
  /**
   * Stores a manifest, then its tags in their order. Its media type, once stored, stays.
   * @param confirm Looks, between the two, whether what it refers to is still there: it may have been taken away until the
   * manifest was to be seen. What it throws takes back a manifest that was not there before.
   */
  put(
    repository: RepositoryPath,
    manifest: NewManifest,
    tags: readonly Tag[],
    confirm?: () => Promise<void>,
  ): Promise<void>;
  /** Deletes a tag alone, or a manifest with all its tags and its entry among the referrers. `false` when absent. */
  remove(repository: RepositoryPath, target: Target): Promise<boolean>;
}

/** An entry in the list of the referrers of a subject. */
interface Referrer {
  readonly digest: Digest;
  readonly artifactType: string | undefined;
  /** Its descriptor. */
  readonly json: string;
}

const recordSchema = z.object({
  mediaType: z.string(),
  size: z.number().int().nonnegative(),
  imageSize: z.number().nonnegative(),
  uploadedAt: z.coerce.date(),
  subject: z.string().refine(isDigest).optional(),
});

const referrerSchema = z.object({ artifactType: z.string().optional() });

/** How often a manifest that another process deletes at the same moment is stored before the failure is reported. */
const putAttempts = 50;

/** More bytes than any record has. */
const recordBytes = 1024;

const lineFeed = 0x0a;

/** The {@link ManifestStore} in the layout's folders. */
export function manifestStore(layout: Layout, files: DurableFiles): ManifestStore {
  // A tag is written, and a manifest's tags are deleted, only while the manifest cannot go or come.
  const gates = new Map<RepositoryPath, Gate>();
  const gateOf = (repository: RepositoryPath): Gate => {
    const gate = gates.get(repository) ?? createGate();
    gates.set(repository, gate);
    return gate;
  };

  const digestOf = async (repository: RepositoryPath, target: Target): Promise<Digest | undefined> =>
    isDigest(target) ? target : readTag(join(tagsFolder(layout, repository), tagFileName(target)));

  async function find(repository: RepositoryPath, target: Target): Promise<StoredManifest | undefined> {
    const digest = await digestOf(repository, target);
    if (digest === undefined) return undefined;
    const record = await reach(repository, digest, readRecord);
    return record && { digest, record };
  }

  /** What a repository has may have been set aside a moment ago. */
  async function reach<T>(
    repository: RepositoryPath,
    digest: Digest,
    read: (path: string) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const path = manifestPath(layout, repository, digest);
    const found = await read(path);
    if (found !== undefined || !(await bringBack(layout, repository, "manifest", digest))) return found;
    return read(path);
  }

  const held = async (path: string): Promise<ManifestRecord | undefined> => {
    const now = new Date();
    const isThere = await ifPresent(utimes(path, now, now).then(() => true));
    return isThere === undefined ? undefined : readRecord(path);
  };

  async function tagDigests(repository: RepositoryPath): Promise<Map<Tag, Digest>> {
    const folder = tagsFolder(layout, repository);
    const found = new Map<Tag, Digest>();
    for (const tag of await tagsIn(folder)) {
      const digest = await readTag(join(folder, tagFileName(tag)));
      if (digest !== undefined) found.set(tag, digest);
    }
    return found;
  }

  async function removeTag(repository: RepositoryPath, tag: Tag): Promise<boolean> {
    return files.remove(join(tagsFolder(layout, repository), tagFileName(tag)));
  }

  async function removeManifest(repository: RepositoryPath, digest: Digest): Promise<boolean> {
    const path = manifestPath(layout, repository, digest);
    const record = await reach(repository, digest, readRecord);
    if (record === undefined) return false;
    for (const [tag, of] of await tagDigests(repository)) {
      if (of === digest) await removeTag(repository, tag);
    }
    await files.remove(path);
    if (record.subject !== undefined) {
      await files.remove(join(referrersFolder(layout, repository, record.subject), referrerName(digest)));
    }
    return true;
  }

  return {
    find,
    async hold(repository, target) {
      const digest = await digestOf(repository, target);
      const record = digest && (await reach(repository, digest, held));
      return digest && record && { digest, record };
    },
    async read(repository, target) {
      const digest = await digestOf(repository, target);
      if (digest === undefined) return undefined;
      const content = await reach(repository, digest, (path) => ifPresent(readFile(path)));
      if (content === undefined) return undefined;
      const end = content.indexOf(lineFeed);
      return { digest, record: parseRecord(content.subarray(0, end)), bytes: content.subarray(end + 1) };
    },
    put: (repository, manifest, tags, confirm) =>
      gateOf(repository).shared(async () => {
        const { digest, referrer } = manifest;
        const path = manifestPath(layout, repository, digest);
        if (referrer !== undefined) {
          const entry = join(referrersFolder(layout, repository, referrer.subject), referrerName(digest));
          await files.replace(entry, JSON.stringify(referrer.descriptor));
        }
        for (let attempt = 1; attempt <= putAttempts; attempt += 1) {
          const isNew = (await reach(repository, digest, held)) === undefined;
          if (isNew) await files.replace(path, fileOf(manifest));
          try {
            await confirm?.();
          } catch (thrown) {
            if (isNew) await files.remove(path);
            throw thrown;
          }
          for (const tag of tags) {
            await files.replace(join(tagsFolder(layout, repository), tagFileName(tag)), `${digest}\n`);
          }
          // The gate keeps out this process's deletions, not those of another one.
          if ((await reach(repository, digest, held)) !== undefined) return;
        }
        throw new Error("the manifest was deleted again and again while it was stored");
      }),
    remove: (repository, target) =>
      gateOf(repository).exclusive(() =>
        isTag(target) ? removeTag(repository, target) : removeManifest(repository, target),
      ),
    tags: (repository) => tagsIn(tagsFolder(layout, repository)),
    tagDigests,
    async list(repository) {
      const found: StoredManifest[] = [];
      for (const digest of await digestsIn(manifestsFolder(layout, repository))) {
        const record = await readRecord(manifestPath(layout, repository, digest));
        if (record !== undefined) found.push({ digest, record });
      }
      return found;
    },
    async *referrers(repository, subject, last) {
      const folder = referrersFolder(layout, repository, subject);
      const names = ((await ifPresent(readdir(folder))) ?? []).sort();
      for (const name of names) {
        const digest = referrerOfName(name);
        if (digest === undefined || (last !== undefined && digest <= last)) continue;
        if ((await readRecord(manifestPath(layout, repository, digest))) === undefined) continue;
        const json = await ifPresent(readFile(join(folder, name), "utf8"));
        if (json === undefined) continue;
        yield { digest, json, artifactType: referrerSchema.parse(JSON.parse(json)).artifactType };
      }
    },
  };
}

function fileOf(manifest: NewManifest): Buffer {
  const record = {
    mediaType: manifest.mediaType,
    size: manifest.bytes.length,
    imageSize: manifest.imageSize,
    uploadedAt: new Date().toISOString(),
    subject: manifest.referrer?.subject,
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(record)}\n`), manifest.bytes]);
}

async function readRecord(path: string): Promise<ManifestRecord | undefined> {
  const file = await ifPresent(open(path, "r"));
  if (file === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(recordBytes), 0, recordBytes, 0);
    return parseRecord(buffer.subarray(0, buffer.subarray(0, bytesRead).indexOf(lineFeed)));
  } finally {
    await file.close();
  }
}

function parseRecord(line: Uint8Array): ManifestRecord {
  const { subject, ...record } = recordSchema.parse(JSON.parse(Buffer.from(line).toString("utf8")));
  return { ...record, subject };
}

async function readTag(path: string): Promise<Digest | undefined> {
  const text = (await ifPresent(readFile(path, "utf8")))?.trim();
  return text !== undefined && isDigest(text) ? text : undefined;
}

async function tagsIn(folder: string): Promise<Tag[]> {
  const names = (await ifPresent(readdir(folder))) ?? [];
  return names.flatMap((name) => tagOfFileName(name) ?? []);
}

/** Lets work through together or alone, first come, first served. */
interface Gate {
  /** Runs the work beside other shared work, after any exclusive work that asked before. */
  shared<T>(work: () => Promise<T>): Promise<T>;
  /** Runs the work alone, after everything that asked before. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
}

/** A {@link Gate} with nobody in it. */
export function createGate(): Gate {
  const waitedFor = new Set<Promise<unknown>>();
  let lastExclusive: Promise<unknown> = Promise.resolve();
  const settled = (turn: Promise<unknown>) =>
    turn.then(
      () => undefined,
      () => undefined,
    );
  return {
    shared(work) {
      const turn = lastExclusive.then(work);
      const end = settled(turn).then(() => void waitedFor.delete(end));
      waitedFor.add(end);
      return turn;
    },
    exclusive(work) {
      const turn = Promise.all([lastExclusive, ...waitedFor]).then(work);
      lastExclusive = settled(turn);
      return turn;
    },
  };
}
