import { open, readdir, readFile } from "node:fs/promises";
import * as z from "zod/mini";
import { type DurableFiles, ifPresent, readAt } from "../disk/index.ts";
import {
  type Descriptor,
  type Digest,
  digestSchema,
  isDigest,
  isTag,
  type RepositoryPath,
  type Tag,
  type Target,
} from "../oci/index.ts";
import { reach, touch } from "./aside.ts";
import { type Layout, placeOf, type RepositoryFolder, referrerOfName, tagOfFileName } from "./layout.ts";

/** What the registry keeps about a manifest beside its bytes. */
export type ManifestRecord = Readonly<z.output<typeof recordSchema>>;

const recordSchema = z.object({
  mediaType: z.string(),
  /** Bytes of the manifest. */
  size: z.int().check(z.nonnegative()),
  /** Bytes of the manifest and of all it refers to, what several platforms share counted for each of them. */
  imageSize: z.number().check(z.nonnegative()),
  uploadedAt: z.coerce.date(),
  /** What it is about, when it is a referrer. */
  subject: z.optional(digestSchema),
});

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
  tagDigests(repository: RepositoryPath): Promise<Map<Tag, Digest>>;
  /** All manifests in no order. */
  list(repository: RepositoryPath): Promise<StoredManifest[]>;
  /** The manifests about `subject` that come after `last`, in the order of their digests. */
  referrers(repository: RepositoryPath, subject: Digest, last: Digest | undefined): AsyncGenerator<Referrer>;
}

interface Referrer {
  readonly digest: Digest;
  readonly artifactType: string | undefined;
  readonly json: string;
}

const referrerSchema = z.object({ artifactType: z.optional(z.string()) });

/** How often a manifest that another process deletes at the same moment is stored before the failure is reported. */
const putAttempts = 50;

const recordBytes = 1024;

const lineFeed = 0x0a;

/** The manifests, tags and referrers of all repositories, in the layout's folders. */
export type ManifestStore = ReturnType<typeof manifestStore>;

export function manifestStore(layout: Layout, files: DurableFiles) {
  // A tag is written, and a manifest's tags are deleted, only while the manifest cannot go or come.
  const gates = new Map<RepositoryPath, Gate>();
  const gateOf = (repository: RepositoryPath): Gate => {
    const gate = gates.get(repository) ?? createGate();
    gates.set(repository, gate);
    return gate;
  };

  /** What a tag or digest stands for, as one way to read the file of a manifest shows it. */
  async function reached<Found>(
    repository: RepositoryPath,
    target: Target,
    read: (path: string) => Promise<Found>,
  ): Promise<{ readonly digest: Digest; readonly found: Found } | undefined> {
    const place = placeOf(layout, repository);
    const digest = isDigest(target) ? target : await readTag(place.tag(target));
    const found = digest && (await reach(place, "manifest", digest, read));
    return digest && found && { digest, found };
  }

  async function stored(
    repository: RepositoryPath,
    target: Target,
    read: (path: string) => Promise<ManifestRecord>,
  ): Promise<StoredManifest | undefined> {
    const manifest = await reached(repository, target, read);
    return manifest && { digest: manifest.digest, record: manifest.found };
  }

  const held = async (path: string): Promise<ManifestRecord> => {
    await touch(path);
    return readRecord(path);
  };

  async function tagDigests(repository: RepositoryPath): Promise<Map<Tag, Digest>> {
    const place = placeOf(layout, repository);
    const found = new Map<Tag, Digest>();
    for (const tag of await tagsIn(place)) {
      const digest = await readTag(place.tag(tag));
      if (digest !== undefined) found.set(tag, digest);
    }
    return found;
  }

  async function removeManifest(repository: RepositoryPath, digest: Digest): Promise<boolean> {
    const place = placeOf(layout, repository);
    const manifest = await stored(repository, digest, readRecord);
    if (manifest === undefined) return false;
    for (const [tag, of] of await tagDigests(repository)) {
      if (of === digest) await files.remove(place.tag(tag));
    }
    await files.remove(place.path("manifest", digest));
    const { subject } = manifest.record;
    if (subject !== undefined) await files.remove(place.referrer(subject, digest));
    return true;
  }

  const reader: ManifestReader = {
    find: (repository, target) => stored(repository, target, readRecord),
    hold: (repository, target) => stored(repository, target, held),
    async read(repository, target) {
      const manifest = await reached(repository, target, (path) => readFile(path));
      if (manifest === undefined) return undefined;
      const { digest, found } = manifest;
      const end = found.indexOf(lineFeed);
      return { digest, record: parseRecord(found.subarray(0, end)), bytes: found.subarray(end + 1) };
    },
    tags: (repository) => tagsIn(placeOf(layout, repository)),
    tagDigests,
    async list(repository) {
      const place = placeOf(layout, repository);
      const found: StoredManifest[] = [];
      for (const digest of await place.all("manifest")) {
        const record = await ifPresent(readRecord(place.path("manifest", digest)));
        if (record !== undefined) found.push({ digest, record });
      }
      return found;
    },
    async *referrers(repository, subject, last) {
      const place = placeOf(layout, repository);
      const names = ((await ifPresent(readdir(place.referrers(subject)))) ?? []).sort();
      for (const name of names) {
        const digest = referrerOfName(name);
        if (digest === undefined || (last !== undefined && digest <= last)) continue;
        if ((await ifPresent(readRecord(place.path("manifest", digest)))) === undefined) continue;
        const json = await ifPresent(readFile(place.referrer(subject, digest), "utf8"));
        if (json === undefined) continue;
        yield { digest, json, artifactType: referrerSchema.parse(JSON.parse(json)).artifactType };
      }
    },
  };
  return {
    ...reader,
    /**
     * Stores a manifest, then its tags in their order. Its media type, once stored, stays.
     * @param confirm Looks, between the two, whether what it refers to is still there: it may have been taken away until the
     * manifest was to be seen. What it throws takes back a manifest that was not there before.
     */
    put: (
      repository: RepositoryPath,
      manifest: NewManifest,
      tags: readonly Tag[],
      confirm?: () => Promise<void>,
    ): Promise<void> =>
      gateOf(repository).shared(async () => {
        const { digest, referrer } = manifest;
        const place = placeOf(layout, repository);
        const path = place.path("manifest", digest);
        if (referrer !== undefined) {
          await files.replace(place.referrer(referrer.subject, digest), JSON.stringify(referrer.descriptor));
        }
        for (let attempt = 1; attempt <= putAttempts; attempt += 1) {
          const isNew = (await reach(place, "manifest", digest, held)) === undefined;
          if (isNew) await files.replace(path, fileOf(manifest));
          try {
            await confirm?.();
          } catch (thrown) {
            if (isNew) await files.remove(path);
            throw thrown;
          }
          for (const tag of tags) await files.replace(place.tag(tag), `${digest}\n`);
          // The gate keeps out this process's deletions, not those of another one.
          if ((await reach(place, "manifest", digest, held)) !== undefined) return;
        }
        throw new Error("the manifest was deleted again and again while it was stored");
      }),
    /** Deletes a tag alone, or a manifest with all its tags and its entry among the referrers. `false` when absent. */
    remove: (repository: RepositoryPath, target: Target): Promise<boolean> =>
      gateOf(repository).exclusive(() =>
        isTag(target)
          ? files.remove(placeOf(layout, repository).tag(target))
          : removeManifest(repository, target),
      ),
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

async function readRecord(path: string): Promise<ManifestRecord> {
  const file = await open(path, "r");
  try {
    const bytes = await readAt(file, 0, recordBytes);
    return parseRecord(bytes.subarray(0, bytes.indexOf(lineFeed)));
  } finally {
    await file.close();
  }
}

function parseRecord(line: Uint8Array): ManifestRecord {
  return recordSchema.parse(JSON.parse(Buffer.from(line).toString("utf8")));
}

async function readTag(path: string): Promise<Digest | undefined> {
  const text = (await ifPresent(readFile(path, "utf8")))?.trim();
  return text !== undefined && isDigest(text) ? text : undefined;
}

async function tagsIn({ tags }: RepositoryFolder): Promise<Tag[]> {
  const names = (await ifPresent(readdir(tags))) ?? [];
  return names.flatMap((name) => tagOfFileName(name) ?? []);
}

/** Lets work through together or alone, first come, first served. */
type Gate = ReturnType<typeof createGate>;

/** A {@link Gate} with nobody in it. */
export function createGate() {
  const waitedFor = new Set<Promise<unknown>>();
  let lastExclusive: Promise<unknown> = Promise.resolve();
  const settled = (turn: Promise<unknown>) => turn.catch(() => undefined);
  return {
    /** Runs the work beside other shared work, after any exclusive work that asked before. */
    shared<T>(work: () => Promise<T>): Promise<T> {
      const turn = lastExclusive.then(work);
      const end = settled(turn).then(() => void waitedFor.delete(end));
      waitedFor.add(end);
      return turn;
    },
    /** Runs the work alone, after everything that asked before. */
    exclusive<T>(work: () => Promise<T>): Promise<T> {
      const turn = Promise.all([lastExclusive, ...waitedFor]).then(work);
      lastExclusive = settled(turn);
      return turn;
    },
  };
}
