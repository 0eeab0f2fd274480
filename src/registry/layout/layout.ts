import { resolve } from "node:path";
import pLimit from "p-limit";
import { durableFiles } from "../../disk/index.ts";
import { phrase } from "../../errors/index.ts";
import {
  type Digest,
  digestMatches,
  formatReference,
  type ImageContent,
  type ImageDocument,
  isDigest,
  isForeignLayerType,
  OciError,
  type RepositoryName,
  readImageContent,
  referrerEntry,
  repositoryFault,
  type Tag,
} from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { ListedManifest, Listing, Repository } from "../repository.ts";
import { type LayoutBlobs, openBlobs } from "./blobs.ts";
import { openCatalog } from "./catalog.ts";
import { type GuardedFolder, subfolders, within } from "./files.ts";
import { withManifest, withoutManifest, withoutTag } from "./index.ts";
import { type HeldManifest, openManifests } from "./manifests.ts";

const addressPrefix = "oci:";

/**
 * An OCI image layout (OCI image specification, image-layout.md) as a repository: for sites that images reach on a
 * disk. Its tags are the `org.opencontainers.image.ref.name` annotations of `index.json`; referrers are found by the
 * subjects of the manifests it lists. The folder need not exist before something is written.
 *
 * - Nothing half-written is ever visible: files are written aside, reach the disk, then take their names, blobs
 *   before manifests and `index.json` last. Processes that write at the same time wait for each other.
 * - A manifest that was put is listed in `index.json` even without a tag, so that it is found by its digest.
 * - Mounting from another layout gives the blob's file a second name there, after reading and hashing it; where the
 *   file system cannot do that, the blob is written again.
 * - Deleting takes manifests and tags off the index. Files stay: another process may be about to refer to them.
 * - Links in the folder are refused. `root`, when given, is the folder above that the user named: everything below
 *   it must be real folders and files, too.
 *
 * @throws {RegistryError} by all methods: `storage` for what the file system refuses or a broken `index.json`,
 * `size-mismatch` and `digest-mismatch` for a file whose bytes are not those of its name.
 */
export function openLayout(
  folder: string,
  name: RepositoryName,
  options: { readonly root?: string } = {},
): Repository {
  const path = resolve(folder);
  const layout: GuardedFolder = { root: resolve(options.root ?? folder), path };
  const drafts = draftsOf(layout);
  const address = `${addressPrefix}${path}`;
  const files = durableFiles(drafts.path);
  const blobs = openBlobs(layout, files);
  const catalog = openCatalog(layout, drafts, files);
  const manifests = openManifests(blobs, address);

  const fetch = async (target: Tag | Digest): Promise<ImageDocument | undefined> => {
    const index = await catalog.read();
    return index && manifests.fetch(index, target);
  };

  return {
    name,
    address,
    host: undefined,
    listsManifests: true,
    fetch,
    async resolve(target) {
      return (await fetch(target))?.descriptor;
    },
    async open(blob, options) {
      const stream = await blobs.open(blob, options);
      if (stream !== undefined) return stream;
      throw new RegistryError("blob-missing", "the folder does not have this blob", {
        where: formatReference(address, blob.digest),
      });
    },
    async list() {
      const index = await catalog.read();
      const below = (await subfolders(layout)).filter((child) => isRepositoryBelow(name, child));
      if (index === undefined && below.length === 0) return undefined;
      if (index === undefined) return listing(new Map(), below);
      const misnamed = index.entries.filter((entry) => entry.isMisnamed).length;
      return { ...listing(await manifests.all(index), below), misnamed };
    },
    async referrers(subject, artifactType) {
      const index = await catalog.read();
      if (index === undefined) return [];
      const held = [...(await manifests.all(index)).values()];
      const entries = held.flatMap(({ descriptor, content }) =>
        content?.subject?.digest === subject ? [referrerEntry(descriptor, content)] : [],
      );
      return entries.filter((entry) => artifactType === undefined || entry.artifactType === artifactType);
    },
    has: (blob) => blobs.has(blob),
    probe: (blob) => blobs.probe(blob),
    async push(blob, content, { mountFrom } = {}) {
      await catalog.prepare();
      if (await blobs.isSound(blob)) return "mounted";
      const other = mountFrom === undefined ? undefined : blobsOf(mountFrom);
      if (other !== undefined && (await blobs.linkFrom(other, blob))) return "mounted";
      await blobs.write(blob, async () => {
        const bytes = await content(0);
        return bytes instanceof Uint8Array ? [bytes] : bytes;
      });
      return "pushed";
    },
    async put(document, given = []) {
      const { descriptor, bytes } = document;
      const tags = typeof given === "string" ? [given] : given;
      const where = formatReference(address, tags[0] ?? descriptor.digest);
      checkDocument(document, where);
      await checkClosure(blobs, document, where);
      await catalog.prepare();
      if (!(await blobs.isSound(descriptor))) await blobs.write(descriptor, async () => [bytes]);
      await catalog.change((index) => {
        const [first, ...others] = tags;
        const start = withManifest(index, descriptor, first);
        return others.reduce((changed, tag) => withManifest(changed, descriptor, tag), start);
      });
    },
    async delete(target) {
      const index = await catalog.read();
      if (index === undefined) return;
      await catalog.prepare();
      if (!isDigest(target)) return catalog.change((now) => withoutTag(now, target));
      for (const [parent, { content }] of await manifests.all(index)) {
        if (!content?.children.some((child) => child.digest === target)) continue;
        throw new RegistryError("denied", phrase`the index ${parent} lists this manifest`, {
          where: formatReference(address, target),
          hint: "delete the index first",
        });
      }
      await catalog.change((now) => withoutManifest(now, target));
    },
  };
}

/** Where files under construction are: in the layout's own folder, so on the same file system. */
function draftsOf(layout: GuardedFolder): GuardedFolder {
  return within(layout, ".waybill");
}

function blobsOf(repository: Repository): LayoutBlobs | undefined {
  if (!repository.address.startsWith(addressPrefix)) return undefined;
  const path = repository.address.slice(addressPrefix.length);
  const layout = { root: path, path };
  return openBlobs(layout, durableFiles(draftsOf(layout).path));
}

function isRepositoryBelow(name: RepositoryName, child: string): boolean {
  return child !== "blobs" && repositoryFault(`${name}/${child}`) === undefined;
}

export function listing(held: ReadonlyMap<Digest, HeldManifest>, children: readonly string[]): Listing {
  const manifests = new Map<Digest, ListedManifest>();
  for (const [digest, { tags, descriptor }] of held) {
    const { mediaType } = descriptor;
    manifests.set(digest, { tags, mediaType, imageSize: undefined, uploadedAt: undefined });
  }
  return { tags: [...manifests.values()].flatMap(({ tags }) => tags), manifests, children };
}

/** @throws {RegistryError} when the bytes are not what their descriptor says. */
function checkDocument({ descriptor, bytes }: ImageDocument, where: string): void {
  if (bytes.length !== descriptor.size) {
    const message = phrase`the manifest has ${bytes.length} bytes, its descriptor says ${descriptor.size}`;
    throw new RegistryError("size-mismatch", message, { where });
  }
  if (!digestMatches(bytes, descriptor.digest)) {
    const message = phrase`the manifest's bytes are not those of ${descriptor.digest}`;
    throw new RegistryError("digest-mismatch", message, { where });
  }
}

const concurrency = 16;

/** @throws {RegistryError} `manifest-refused` unless everything the manifest refers to is there. */
async function checkClosure(blobs: LayoutBlobs, document: ImageDocument, where: string): Promise<void> {
  const { children, blobs: parts } = contentOf(document, where);
  const needed = [...children, ...parts.filter(({ mediaType }) => !isForeignLayerType(mediaType))];
  const there = await pLimit(concurrency).map(needed, (part) => blobs.has(part));
  const missing = needed.find((_, at) => !there[at]);
  if (missing === undefined) return;
  const message = phrase`the manifest refers to ${missing.digest}, which is not there`;
  const hint = "put what a manifest refers to before the manifest";
  throw new RegistryError("manifest-refused", message, { where, hint });
}

function contentOf(document: ImageDocument, where: string): ImageContent {
  try {
    return readImageContent(document, where);
  } catch (cause) {
    if (!(cause instanceof OciError)) throw cause;
    throw new RegistryError("manifest-refused", cause.message, { where, hint: cause.hint, cause });
  }
}
