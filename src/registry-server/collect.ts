import { stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type DurableFiles, ifPresent } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { type Digest, type RepositoryPath, readImageContent } from "../oci/index.ts";
import { bringAllBack, bringBack, type Kept, pathOf, setAside } from "./aside.ts";
import { catalogOf } from "./catalog.ts";
import {
  asidePath,
  blobsFolder,
  digestsIn,
  type Layout,
  referrerName,
  referrersFolder,
  sharedBlobs,
} from "./layout.ts";
import { type ManifestStore, manifestStore } from "./manifest-store.ts";

/** What is looked for, and how it is gone about. */
export interface CollectOptions {
  /** Whether manifests go too that no tag leads to: neither itself, nor by an index, nor as a referrer. */
  readonly untagged: boolean;
  /** What was taken in, or asked for by somebody who may refer to it, since then stays; milliseconds. */
  readonly before: number;
  /** Look, and take nothing away. */
  readonly dryRun: boolean;
}

/** What was taken away, or would be. */
export interface Collected {
  readonly manifests: number;
  /** Blobs of repositories; the bytes of one may still be those of another repository. */
  readonly blobs: number;
  /** Bytes that the disk gets back. */
  readonly bytes: number;
  /** How much nothing refers to either, but is too young. */
  readonly young: number;
  /** Repositories in which something could not be understood: nothing of theirs is taken away. */
  readonly unread: readonly { readonly repository: RepositoryPath; readonly reason: string }[];
}

/**
 * Takes away what no manifest refers to, beside any number of servers. What goes is first set aside, where whoever asks for it
 * finds it and brings it back; then it is looked again whether something refers to it, or somebody has asked for it. A
 * manifest is put the other way round: first it is written, then it is looked again whether all is there. So one of the two
 * sees the other, in whatever order they come; and whatever ends it, what was set aside can be brought back.
 */
export async function collect(
  layout: Layout,
  files: DurableFiles,
  options: CollectOptions,
): Promise<Collected> {
  const collector = { layout, files, options, manifests: manifestStore(layout, files), links: new Map() };
  const unread: Collected["unread"][number][] = [];
  const sums = { manifests: 0, blobs: 0, young: 0 };
  for (const repository of await catalogOf(layout).list()) {
    try {
      if (!options.dryRun) await bringAllBack(layout, repository);
      for (const [name, count] of Object.entries(await collectIn(collector, repository))) {
        sums[name as keyof typeof sums] += count;
      }
    } catch (thrown) {
      unread.push({ repository, reason: messageOf(thrown) });
    }
  }
  return { ...sums, bytes: await giveBack(layout, options.dryRun ? collector.links : undefined), unread };
}

interface Collector {
  readonly layout: Layout;
  readonly files: DurableFiles;
  readonly options: CollectOptions;
  readonly manifests: ManifestStore;
  /** Of each blob how many of its names have gone, or would go. */
  readonly links: Map<Digest, number>;
}

/** What one manifest refers to. */
interface Known {
  readonly references: readonly Digest[];
  readonly subject: Digest | undefined;
}

type Holdings = Map<Digest, Known>;

async function collectIn(collector: Collector, repository: RepositoryPath) {
  const { layout, options } = collector;
  const known: Holdings = new Map();
  await readNew(collector, repository, known);
  const dead = options.untagged ? await deadManifests(collector, repository, known) : [];
  const manifests = await take(collector, repository, "manifest", dead, known);
  const referred = referencesOf(known);
  const unused = (await digestsIn(blobsFolder(layout, repository))).filter((digest) => !referred.has(digest));
  const blobs = await take(collector, repository, "blob", unused, known);
  return { manifests: manifests.taken, blobs: blobs.taken, young: manifests.young + blobs.young };
}

/** Reads the manifests that have come since, and forgets those that have gone. @throws when one is not understood. */
async function readNew(collector: Collector, repository: RepositoryPath, known: Holdings): Promise<void> {
  const present = new Set<Digest>();
  for (const { digest } of await collector.manifests.list(repository)) {
    present.add(digest);
    if (known.has(digest)) continue;
    const found = await collector.manifests.read(repository, digest);
    if (found === undefined) continue;
    const { bytes, record } = found;
    const descriptor = { mediaType: record.mediaType, digest, size: record.size };
    const content = readImageContent({ descriptor, bytes });
    const references = [...content.children, ...content.blobs].map((reference) => reference.digest);
    known.set(digest, { references, subject: record.subject });
  }
  for (const digest of [...known.keys()]) if (!present.has(digest)) known.delete(digest);
}

function referencesOf(known: Holdings): Set<Digest> {
  return new Set([...known.values()].flatMap(({ references }) => references));
}

/** Manifests that no tag leads to, each before those that it refers to or is about. */
async function deadManifests(
  { manifests }: Collector,
  repository: RepositoryPath,
  known: Holdings,
): Promise<readonly Digest[]> {
  const live = new Set<Digest>();
  const referrers = new Map<Digest, Digest[]>();
  for (const [digest, { subject }] of known) {
    if (subject !== undefined) referrers.set(subject, [...(referrers.get(subject) ?? []), digest]);
  }
  const waiting = [...(await manifests.tagDigests(repository)).values()];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (live.has(digest)) continue;
    live.add(digest);
    waiting.push(...(known.get(digest)?.references ?? []), ...(referrers.get(digest) ?? []));
  }
  const ordered = new Set<Digest>();
  const visit = (digest: Digest): void => {
    const manifest = known.get(digest);
    if (manifest === undefined || live.has(digest) || ordered.has(digest)) return;
    for (const below of [...manifest.references, ...(manifest.subject ? [manifest.subject] : [])])
      visit(below);
    ordered.add(digest);
  };
  for (const digest of known.keys()) visit(digest);
  return [...ordered].reverse();
}

/**
 * Takes away what seems not to be needed, and is old enough.
 * @param digests Whatever refers to another stands before it, so that nothing is ever there without what it needs.
 * @param known What is there; without what has gone, afterwards.
 */
async function take(
  collector: Collector,
  repository: RepositoryPath,
  kind: Kept,
  digests: readonly Digest[],
  known: Holdings,
): Promise<{ readonly taken: number; readonly young: number }> {
  const { old, young } = await byAge(collector, repository, kind, digests);
  if (collector.options.dryRun) {
    for (const digest of old) await forget(collector, repository, kind, digest, known);
    return { taken: old.length, young };
  }
  const aside = new Map<Digest, Known | undefined>();
  try {
    for (const digest of old) {
      if (await setAside(collector.layout, repository, kind, digest)) aside.set(digest, known.get(digest));
    }
    if (aside.size === 0) return { taken: 0, young };
    await readNew(collector, repository, known);
    const needed = referencesOf(known);
    for (const digest of (await collector.manifests.tagDigests(repository)).values()) needed.add(digest);
    let taken = 0;
    for (const [digest, manifest] of aside) {
      if (!needed.has(digest) && (await letGo(collector, repository, kind, digest))) {
        if (manifest !== undefined) known.set(digest, manifest);
        await forget(collector, repository, kind, digest, known);
        taken += 1;
      } else if (manifest !== undefined) {
        known.set(digest, manifest);
        for (const reference of manifest.references) needed.add(reference);
      }
    }
    return { taken, young };
  } finally {
    for (const digest of aside.keys()) await bringBack(collector.layout, repository, kind, digest);
  }
}

/** Counts with what has gone. */
async function forget(
  { layout, files, options, links }: Collector,
  repository: RepositoryPath,
  kind: Kept,
  digest: Digest,
  known: Holdings,
): Promise<void> {
  if (kind === "blob") {
    links.set(digest, (links.get(digest) ?? 0) + 1);
    return;
  }
  const subject = known.get(digest)?.subject;
  known.delete(digest);
  if (subject === undefined || options.dryRun) return;
  await files.remove(join(referrersFolder(layout, repository, subject), referrerName(digest)));
}

/** Which of them are old enough, and how many are not. What is gone is neither. */
async function byAge(
  { layout, options }: Collector,
  repository: RepositoryPath,
  kind: Kept,
  digests: readonly Digest[],
): Promise<{ readonly old: readonly Digest[]; readonly young: number }> {
  const old: Digest[] = [];
  let young = 0;
  for (const digest of digests) {
    const found = await ifPresent(stat(pathOf[kind](layout, repository, digest)));
    if (found === undefined) continue;
    if (found.mtimeMs < options.before) old.push(digest);
    else young += 1;
  }
  return { old, young };
}

/** Gives up what is aside, unless somebody has asked for it since. */
async function letGo(
  { layout, options }: Collector,
  repository: RepositoryPath,
  kind: Kept,
  digest: Digest,
): Promise<boolean> {
  const path = asidePath(layout, repository, kind, digest);
  const found = await ifPresent(stat(path));
  if (found === undefined || found.mtimeMs >= options.before) return false;
  return (await ifPresent(unlink(path).then(() => true))) ?? false;
}

/**
 * Takes bytes from the disk that no repository has any more: nobody can see them. What is being taken in has a second name, that
 * of its upload, also in another process; and a link made between the look and the removal keeps the bytes.
 * @param leaving Of each blob how many of its names would go: then it is only looked.
 * @returns How many bytes.
 */
export async function giveBack(layout: Layout, leaving?: ReadonlyMap<Digest, number>): Promise<number> {
  let bytes = 0;
  for await (const { digest, path } of sharedBlobs(layout)) {
    const found = await ifPresent(stat(path));
    if (found === undefined || found.nlink - (leaving?.get(digest) ?? 0) > 1) continue;
    if (leaving === undefined) await ifPresent(unlink(path));
    bytes += found.size;
  }
  return bytes;
}
