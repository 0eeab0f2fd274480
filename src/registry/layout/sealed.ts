import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import { phrase } from "../../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  formatReference,
  type RepositoryName,
  referrerEntry,
  type Tag,
} from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { OpenOptions, Repository } from "../repository.ts";
import { indexOf } from "./index.ts";
import { listing } from "./layout.ts";
import { type HeldManifest, openManifests } from "./manifests.ts";
import { readVerified } from "./verified-file.ts";

/** The blobs of image layouts in one file, an archive: where in it each of them is. */
export interface SealedBlobs {
  readonly handle: FileHandle;
  /** What errors call the file. */
  readonly where: string;
  find(digest: Digest): { readonly start: number; readonly size: number } | undefined;
}

/** What an archive lists for one repository. */
export interface SealedLayout {
  readonly name: RepositoryName;
  readonly listed: readonly { readonly manifest: Descriptor; readonly tag: Tag | undefined }[];
  readonly blobs: SealedBlobs;
}

/**
 * A repository in an archive that nobody changes: it is read as an image layout in a folder is, every byte hashed. The file is
 * closed by whoever opened it. What writes throws `unsupported`.
 */
export function openSealedLayout({ name, listed, blobs }: SealedLayout): Repository {
  const address = `archive:${blobs.where}#${name}`;
  const index = indexOf(listed);
  const open = async (blob: Descriptor, options?: OpenOptions): Promise<Readable | undefined> => {
    const found = blobs.find(blob.digest);
    if (found === undefined) return undefined;
    const where = `${blobs.where}: ${blob.digest}`;
    const damage = (code: "size-mismatch" | "digest-mismatch", message: string) =>
      new RegistryError(code, message, { where, hint: "bring the file over once more" });
    if (found.size !== blob.size) {
      throw damage(
        "size-mismatch",
        `the archive has ${found.size} bytes of it, its descriptor says ${blob.size}`,
      );
    }
    const part = { handle: blobs.handle, start: found.start, end: async () => {}, damage, where };
    return readVerified(part, blob, options);
  };
  const manifests = openManifests({ open }, address);
  let bySubject: Promise<ReadonlyMap<Digest, readonly Descriptor[]>> | undefined;
  const refuse = async (): Promise<never> => {
    throw new RegistryError("unsupported", "an archive is only read", { where: blobs.where });
  };
  return {
    name,
    address,
    host: undefined,
    listsManifests: true,
    fetch: (target) => manifests.fetch(index, target),
    resolve: async (target) => (await manifests.fetch(index, target))?.descriptor,
    async open(blob, options) {
      const stream = await open(blob, options);
      if (stream !== undefined) return stream;
      throw new RegistryError("blob-missing", phrase`the archive does not have ${blob.digest}`, {
        where: formatReference(name, blob.digest),
      });
    },
    list: async () => listing(await manifests.all(index), []),
    async referrers(subject, artifactType) {
      bySubject ??= manifests.all(index).then((held) => groupBySubject([...held.values()]));
      const entries = (await bySubject).get(subject) ?? [];
      return entries.filter((entry) => artifactType === undefined || entry.artifactType === artifactType);
    },
    has: async (blob) => blobs.find(blob.digest)?.size === blob.size,
    async probe(blob) {
      const stream = await open(blob);
      stream?.destroy();
      return stream === undefined ? "absent" : "read";
    },
    push: refuse,
    put: refuse,
    delete: refuse,
  };
}

function groupBySubject(held: readonly HeldManifest[]): ReadonlyMap<Digest, readonly Descriptor[]> {
  const found = new Map<Digest, Descriptor[]>();
  for (const { descriptor, content } of held) {
    const subject = content?.subject?.digest;
    if (content === undefined || subject === undefined) continue;
    const entries = found.get(subject) ?? [];
    entries.push(referrerEntry(descriptor, content));
    found.set(subject, entries);
  }
  return found;
}
