import { stat, unlink } from "node:fs/promises";
import { type DurableFiles, ifPresent } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { type Digest, type RepositoryPath, readImageContent } from "../oci/index.ts";
import { bringAllBack, bringBack, setAside } from "./aside.ts";
import { catalogOf } from "./catalog.ts";
import type { CollectRequest } from "./garbage.ts";
import { type Kept, type Layout, placeOf, sharedBlobs } from "./layout.ts";
import { type ManifestStore, manifestStore } from "./manifest-store.ts";

/** What is looked for, and how it is gone about. */
export interface CollectOptions extends Required<Pick<CollectRequest, "untagged" | "dryRun">> {
  /** What was taken in, or asked for by somebody who may refer to it, since then stays; milliseconds. */
  readonly before: number;
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
  const { dryRun } = options;
  const manifests = manifestStore(layout, files);
  /** Of each blob how many of its names have gone, or would go. */
  const links = new Map<Digest, number>();
  const unread: Collected["unread"][number][] = [];
  const sums = { manifests: 0, blobs: 0, young: 0 };
  for (const repository of await catalogOf(layout).list()) {
    try {
      const collected = await collectFrom(repository, { layout, files, options, manifests, links });
      for (const name of ["manifests", "blobs", "young"] as const) sums[name] += collected[name];
    } catch (thrown) {
      unread.push({ repository, reason: messageOf(thrown) });
    }
  }
  return { ...sums, bytes: await giveBack(layout, dryRun ? links : undefined), unread };
}

interface Run {
  readonly layout: Layout;
  readonly files: DurableFiles;
  readonly options: CollectOptions;
  readonly manifests: ManifestStore;
  readonly links: Map<Digest, number>;
}

interface Known {
  readonly references: readonly Digest[];
  readonly subject: Digest | undefined;
}

async function collectFrom(
  repository: RepositoryPath,
  { layout, files, options, manifests, links }: Run,
): Promise<Pick<Collected, "manifests" | "blobs" | "young">> {
  const { untagged, dryRun, before } = options;
  const place = placeOf(layout, repository);
  const known = new Map<Digest, Known>();

  /** Reads the manifests that have come since, and forgets those that have gone. @throws when one is not understood. */
  const readNew = async (): Promise<void> => {
    const present = new Set<Digest>();
    for (const { digest } of await manifests.list(repository)) {
      present.add(digest);
      if (known.has(digest)) continue;
      const found = await manifests.read(repository, digest);
      if (found === undefined) continue;
      const { bytes, record } = found;
      const descriptor = { mediaType: record.mediaType, digest, size: record.size };
      const content = readImageContent({ descriptor, bytes });
      const references = [...content.children, ...content.blobs].map((reference) => reference.digest);
      known.set(digest, { references, subject: record.subject });
    }
    for (const digest of [...known.keys()]) if (!present.has(digest)) known.delete(digest);
  };

  const references = () => new Set([...known.values()].flatMap((manifest) => manifest.references));
  const tagged = async () => (await manifests.tagDigests(repository)).values();

  /** Manifests that no tag leads to, each before those that it refers to or is about. */
  const deadManifests = async (): Promise<readonly Digest[]> => {
    const live = new Set<Digest>();
    const referrers = new Map<Digest, Digest[]>();
    for (const [digest, { subject }] of known) {
      if (subject !== undefined) referrers.set(subject, [...(referrers.get(subject) ?? []), digest]);
    }
    const waiting = [...(await tagged())];
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      if (live.has(digest)) continue;
      live.add(digest);
      waiting.push(...(known.get(digest)?.references ?? []), ...(referrers.get(digest) ?? []));
    }
    const ordered = new Set<Digest>();
    const visit = (digest: Digest): void => {
      const manifest = known.get(digest);
      if (manifest === undefined || live.has(digest) || ordered.has(digest)) return;
      for (const below of manifest.references) visit(below);
      if (manifest.subject !== undefined) visit(manifest.subject);
      ordered.add(digest);
    };
    for (const digest of known.keys()) visit(digest);
    return [...ordered].reverse();
  };

  /** Counts with what has gone. */
  const forget = async (kind: Kept, digest: Digest, manifest: Known | undefined): Promise<void> => {
    if (kind === "blob") return void links.set(digest, (links.get(digest) ?? 0) + 1);
    known.delete(digest);
    if (manifest?.subject === undefined || dryRun) return;
    await files.remove(place.referrer(manifest.subject, digest));
  };

  /** Gives up what is aside, unless somebody has asked for it since. */
  const letGo = async (kind: Kept, digest: Digest): Promise<boolean> => {
    const path = place.aside(kind, digest);
    const found = await ifPresent(stat(path));
    if (found === undefined || found.mtimeMs >= before) return false;
    return (await ifPresent(unlink(path).then(() => true))) ?? false;
  };

  /**
   * Takes away what seems not to be needed, and is old enough.
   * @param digests Whatever refers to another stands before it, so that nothing is ever there without what it needs.
   */
  const take = async (kind: Kept, digests: readonly Digest[]): Promise<{ taken: number; young: number }> => {
    const old: Digest[] = [];
    let young = 0;
    for (const digest of digests) {
      const found = await ifPresent(stat(place.path(kind, digest)));
      if (found === undefined) continue;
      if (found.mtimeMs < before) old.push(digest);
      else young += 1;
    }
    if (dryRun) {
      for (const digest of old) await forget(kind, digest, known.get(digest));
      return { taken: old.length, young };
    }
    const aside = new Map<Digest, Known | undefined>();
    try {
      for (const digest of old) {
        if (await setAside(place, kind, digest)) aside.set(digest, known.get(digest));
      }
      if (aside.size === 0) return { taken: 0, young };
      await readNew();
      const needed = references();
      for (const digest of await tagged()) needed.add(digest);
      let taken = 0;
      for (const [digest, manifest] of aside) {
        if (!needed.has(digest) && (await letGo(kind, digest))) {
          await forget(kind, digest, manifest);
          taken += 1;
        } else if (manifest !== undefined) {
          known.set(digest, manifest);
          for (const reference of manifest.references) needed.add(reference);
        }
      }
      return { taken, young };
    } finally {
      for (const digest of aside.keys()) await bringBack(place, kind, digest);
    }
  };

  if (!dryRun) await bringAllBack(place);
  await readNew();
  const dead = await take("manifest", untagged ? await deadManifests() : []);
  const referred = references();
  const blobs = await take(
    "blob",
    (await place.all("blob")).filter((digest) => !referred.has(digest)),
  );
  return { manifests: dead.taken, blobs: blobs.taken, young: dead.young + blobs.young };
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
