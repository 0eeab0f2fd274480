import { messageOf, WaybillError } from "../errors/index.ts";
import {
  type Digest,
  type ImageDocument,
  imageContentIn,
  type RepositoryPath,
  type Target,
} from "../oci/index.ts";
import { RegistryServerError } from "./errors.ts";
import type { ManifestRecord, StoredManifest } from "./manifest-store.ts";
import type { Holdings } from "./storage.ts";

/**
 * What a folder of image layouts holds, to be shown as it is.
 * @throws {RegistryServerError} `storage-unusable` when there is none in the folder, or it cannot be read.
 */
export async function openLayouts(path: string): Promise<Holdings> {
  // The room knows all of HTTP: a registry of its own folder does not wait for that.
  const { openLayoutFolder } = await import("../registry/index.ts");
  const folder = await openLayoutFolder(path).catch((cause: unknown) => {
    const known = cause instanceof WaybillError ? cause : undefined;
    const details = { where: path, hint: known?.hint, cause };
    throw new RegistryServerError("storage-unusable", known?.message ?? messageOf(cause), details);
  });
  const read = async (
    repository: RepositoryPath,
    target: Target,
  ): Promise<(StoredManifest & { readonly bytes: Buffer }) | undefined> => {
    const document = await (await folder.repository(repository))?.fetch(target);
    if (document === undefined) return undefined;
    return {
      digest: document.descriptor.digest,
      bytes: Buffer.from(document.bytes),
      record: recordOf(document),
    };
  };
  const listing = async (repository: RepositoryPath) => (await folder.repository(repository))?.list();
  const size = async (repository: RepositoryPath, digest: Digest): Promise<number | undefined> => {
    const blob = await folder.blob(repository, digest);
    await blob?.file.close();
    return blob?.size;
  };
  return {
    blobs: { size, hold: size, open: folder.blob },
    manifests: {
      ...{ find: read, hold: read, read },
      tags: async (repository) => [...((await listing(repository))?.tags ?? [])],
      async tagDigests(repository) {
        const manifests = [...((await listing(repository))?.manifests ?? [])];
        return new Map(manifests.flatMap(([digest, { tags }]) => tags.map((tag) => [tag, digest] as const)));
      },
      async list(repository) {
        const digests = [...((await listing(repository))?.manifests?.keys() ?? [])];
        const found = await Promise.all(digests.map((digest) => read(repository, digest)));
        return found.flatMap((manifest) => manifest ?? []);
      },
      async *referrers(repository, subject, last) {
        const entries = (await (await folder.repository(repository))?.referrers(subject)) ?? [];
        for (const entry of [...entries].sort((one, other) => (one.digest < other.digest ? -1 : 1))) {
          const { digest, artifactType } = entry;
          if (last === undefined || digest > last)
            yield { digest, artifactType, json: JSON.stringify(entry) };
        }
      },
    },
    catalog: {
      has: async (repository) => (await folder.repository(repository)) !== undefined,
      list: async () => [...(await folder.names())].sort(),
      async children(repository) {
        const prefix = `${repository}/`;
        const below = (await folder.names()).filter((name) => name.startsWith(prefix));
        return [...new Set(below.flatMap((name) => name.slice(prefix.length).split("/", 1)))].sort();
      },
    },
  };
}

/** A layout does not say when something came, and what an index lists may not be there. */
function recordOf(document: ImageDocument): ManifestRecord {
  const { mediaType, size } = document.descriptor;
  const content = imageContentIn(document);
  const referred = [...(content?.blobs ?? []), ...(content?.children ?? [])];
  const imageSize = referred.reduce((sum, part) => sum + part.size, size);
  return { mediaType, size, uploadedAt: new Date(0), imageSize, subject: content?.subject?.digest };
}
