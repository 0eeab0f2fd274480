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
export async function* sharedBlobs(layout: Layout) {
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

/** The shared bytes of a blob. */
export function sharedBlobPath(layout: Layout, digest: Digest): string {
  const hex = hexOf(digest);
  return join(layout.blobs, algorithmOf(digest), hex.slice(0, 2), hex);
}

/** What can be taken away: a repository's name for a blob, or the file of a manifest. */
export type Kept = "blob" | "manifest";

/** Where the files of one repository are. */
export type RepositoryFolder = ReturnType<typeof placeOf>;

/** The {@link RepositoryFolder} of a repository; below its folder lie also the repositories whose names continue its own. */
export function placeOf(layout: Layout, repository: RepositoryPath) {
  const folder = join(layout.repositories, ...repository.split("/"));
  const tags = join(folder, "_tags");
  const folders = { blob: join(folder, "_blobs"), manifest: join(folder, "_manifests") };
  const pathIn = (parent: string, digest: Digest) => join(parent, algorithmOf(digest), hexOf(digest));
  /** The folder of everything that names `subject` as its subject. */
  const referrers = (subject: Digest) => pathIn(join(folder, "_referrers"), subject);
  return {
    folder,
    tags,
    /** The digests of all that there is of a kind, in no order. */
    all: (kind: Kept) => digestsIn(folders[kind]),
    path: (kind: Kept, digest: Digest) => pathIn(folders[kind], digest),
    /** What is about to be taken away, and where one of it is meanwhile. */
    asides: join(folder, "_aside"),
    aside: (kind: Kept, digest: Digest) =>
      join(folder, "_aside", `${kind}-${algorithmOf(digest)}-${hexOf(digest)}`),
    tag: (tag: Tag) => join(tags, tagFileName(tag)),
    referrers,
    referrer: (subject: Digest, digest: Digest) => join(referrers(subject), referrerName(digest)),
  };
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
