import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../disk/index.ts";
import {
  algorithmOf,
  type Digest,
  hexOf,
  isDigest,
  isTag,
  type RepositoryPath,
  type Tag,
} from "../oci/index.ts";

/**
 * Where everything is in the registry's folder:
 *
 * ```
 * waybill-registry.json                          the version of this layout
 * blobs/<algorithm>/<first two digits>/<hex>     the bytes of a blob, once for all repositories
 * repositories/<name>/
 *   _blobs/<algorithm>/<hex>                     a hard link to those bytes: this repository has the blob
 *   _manifests/<algorithm>/<hex>                 one line of JSON, a line feed, the bytes of the manifest
 *   _referrers/<algorithm>/<hex of the subject>/<algorithm>-<hex>   the descriptor of a referrer
 *   _tags/<tag>                                  the digest that the tag stands for
 *   _aside/<blob or manifest>-<algorithm>-<hex>  what is about to be taken away, and brought back when it is asked for
 * uploads/<id>.<key of the repository>[.<owner>] bytes of an upload session, so far, and which server has it
 * temporary/                                     files that have no name yet
 * serving/<owner>                                a server that is running
 * collecting                                     the lock of whoever takes away what is not needed
 * ```
 *
 * A file appears under its name only when it is whole and flushed, so that whatever ends the process leaves nothing
 * half done in sight: a manifest is there from the moment its own file is, and what it needs was there before it (its
 * blobs and children, its entry in `_referrers`); tags come last. Entries of `_referrers` and `_tags` whose manifest
 * is not there do not count. Hard links count the repositories of a blob: when the name below `blobs/` is the only one
 * left, the bytes are given back. The time of a file of `_blobs` and `_manifests` says when it came, or when somebody was told of
 * it who may refer to it. Components of repository names never start with `_`.
 */
export interface Layout {
  readonly version: string;
  readonly blobs: string;
  readonly repositories: string;
  readonly uploads: string;
  readonly temporary: string;
  readonly serving: string;
  readonly collecting: string;
}

/** The folders of a registry that is kept in `root`. */
export function layoutOf(root: string): Layout {
  return {
    version: join(root, "waybill-registry.json"),
    blobs: join(root, "blobs"),
    repositories: join(root, "repositories"),
    uploads: join(root, "uploads"),
    temporary: join(root, "temporary"),
    serving: join(root, "serving"),
    collecting: join(root, "collecting"),
  };
}

/** The algorithms that have folders of their own. */
const algorithms = ["sha256", "sha512"] as const;

/** Of what there is a file `<algorithm>/<hex>` in a folder, in no order. */
export async function digestsIn(folder: string): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const algorithm of algorithms) {
    for (const name of (await ifPresent(readdir(join(folder, algorithm)))) ?? []) {
      const digest = `${algorithm}:${name}`;
      if (isDigest(digest)) found.push(digest);
    }
  }
  return found;
}

/** The files of shared blobs, in no order. */
export async function* sharedBlobs(
  layout: Layout,
): AsyncGenerator<{ readonly digest: Digest; readonly path: string }> {
  for (const algorithm of algorithms) {
    const folder = join(layout.blobs, algorithm);
    for (const start of (await ifPresent(readdir(folder))) ?? []) {
      for (const name of (await ifPresent(readdir(join(folder, start)))) ?? []) {
        const digest = `${algorithm}:${name}`;
        if (isDigest(digest)) yield { digest, path: join(folder, start, name) };
      }
    }
  }
}

/** The folder of one repository; below it lie its own files and the repositories whose names continue its own. */
export function repositoryFolder(layout: Layout, repository: RepositoryPath): string {
  return join(layout.repositories, ...repository.split("/"));
}

/** The shared bytes of a blob. */
export function sharedBlobPath(layout: Layout, digest: Digest): string {
  const hex = hexOf(digest);
  return join(layout.blobs, algorithmOf(digest), hex.slice(0, 2), hex);
}

/** The folder of a repository's names for blobs. */
export function blobsFolder(layout: Layout, repository: RepositoryPath): string {
  return join(repositoryFolder(layout, repository), "_blobs");
}

/** A repository's name for a blob. */
export function blobPath(layout: Layout, repository: RepositoryPath, digest: Digest): string {
  return join(blobsFolder(layout, repository), algorithmOf(digest), hexOf(digest));
}

/** The folder of the manifests of a repository. */
export function manifestsFolder(layout: Layout, repository: RepositoryPath): string {
  return join(repositoryFolder(layout, repository), "_manifests");
}

/** The file of a manifest. */
export function manifestPath(layout: Layout, repository: RepositoryPath, digest: Digest): string {
  return join(manifestsFolder(layout, repository), algorithmOf(digest), hexOf(digest));
}

/** Where a blob or manifest is while it is about to be taken away. */
export function asidePath(
  layout: Layout,
  repository: RepositoryPath,
  kind: "blob" | "manifest",
  digest: Digest,
): string {
  const name = `${kind}-${algorithmOf(digest)}-${hexOf(digest)}`;
  return join(repositoryFolder(layout, repository), "_aside", name);
}

/** The folder of the tags of a repository. */
export function tagsFolder(layout: Layout, repository: RepositoryPath): string {
  return join(repositoryFolder(layout, repository), "_tags");
}

/** The folder of everything that names `subject` as its subject. */
export function referrersFolder(layout: Layout, repository: RepositoryPath, subject: Digest): string {
  return join(repositoryFolder(layout, repository), "_referrers", algorithmOf(subject), hexOf(subject));
}

/** The file name of a referrer in the folder of its subject. */
export function referrerName(referrer: Digest): string {
  return referrer.replace(":", "-");
}

/** The inverse of {@link referrerName}; `undefined` for a file that is none of ours. */
export function referrerOfName(name: string): Digest | undefined {
  const text = name.replace("-", ":");
  return isDigest(text) ? text : undefined;
}

/** The file of an upload session. Only the repository that began it can find it. */
export function uploadName(repository: RepositoryPath, id: string): string {
  return `${id}.${createHash("sha256").update(repository).digest("hex").slice(0, 16)}`;
}

/**
 * The file name of a tag. Tags differ by case, and the file systems of many laptops do not: a tag with upper-case
 * letters is written in lower case, with `+` and a hexadecimal mask of the letters to raise.
 */
export function tagFileName(tag: Tag): string {
  const lower = tag.toLowerCase();
  if (lower === tag) return tag;
  const mask = Array.from(tag, (letter, at) => (letter === lower[at] ? 0n : 1n << BigInt(at)));
  return `${lower}+${mask.reduce((all, bit) => all | bit, 0n).toString(16)}`;
}

/** The inverse of {@link tagFileName}; `undefined` for a file that is none of ours. */
export function tagOfFileName(name: string): Tag | undefined {
  const plus = name.indexOf("+");
  const lower = plus < 0 ? name : name.slice(0, plus);
  const mask = plus < 0 ? "0" : name.slice(plus + 1);
  if (!/^[0-9a-f]{1,32}$/.test(mask)) return undefined;
  const raised = BigInt(`0x${mask}`);
  const tag = Array.from(lower, (letter, at) =>
    (raised >> BigInt(at)) & 1n ? letter.toUpperCase() : letter,
  ).join("");
  return isTag(tag) && tagFileName(tag) === name ? tag : undefined;
}
