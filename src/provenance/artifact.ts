import { type Descriptor, describeBytes, type ImageDocument, mediaTypes } from "../oci/index.ts";
import { type Repository, UnknownContentError } from "../registry/index.ts";

/** Something small that is attached to an image: one layer, and what lists of referrers show of it. */
export interface AttachedArtifact {
  readonly artifactType: string;
  readonly layer: {
    readonly mediaType: string;
    readonly bytes: Uint8Array;
    readonly annotations?: Readonly<Record<string, string | undefined>>;
  };
  /** Of the image manifest: registries show them in their lists of referrers. What is `undefined` is left out. */
  readonly annotations: Readonly<Record<string, string | undefined>>;
  /** Nobody else has made these bytes, so that the repository is not asked whether it has them. */
  readonly isNew?: boolean;
  /** The repository is asked at the end of the run whether its lists have kept what was attached: it is not waited for here. */
  readonly confirmsLater?: boolean;
}

/**
 * Attaches an artifact to an image, as a referrer: an image manifest whose subject is the image and whose config is the
 * empty one (OCI image specification, "Guidelines for Artifact Usage"). Where the registry has no referrers API it is found
 * by the referrers tag. The same artifact makes the same manifest, so that attaching it again changes nothing; it repairs
 * what an attempt that broke has left undone.
 * @returns The manifest that was put, as lists of referrers show it.
 * @throws {RegistryError}
 */
export async function attachArtifact(
  repository: Repository,
  subject: Pick<Descriptor, "mediaType" | "digest" | "size">,
  { artifactType, layer: given, annotations, isNew = false, confirmsLater = false }: AttachedArtifact,
): Promise<Descriptor> {
  const emptyConfig = documentOf(mediaTypes.ociEmpty, Buffer.from("{}"));
  const layer = documentOf(given.mediaType, given.bytes);
  const send = async ({ descriptor, bytes }: ImageDocument, anew: boolean, asks = true): Promise<void> => {
    if (!anew && asks && (await repository.has(descriptor))) return;
    await repository.push(descriptor, async () => bytes, { inMemory: true, anew });
  };
  await Promise.all([sendOnce(repository, () => send(emptyConfig, false)), send(layer, false, !isNew)]);
  const manifest = documentOf(
    mediaTypes.ociManifest,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        artifactType,
        config: emptyConfig.descriptor,
        layers: [
          given.annotations === undefined
            ? layer.descriptor
            : { ...layer.descriptor, annotations: given.annotations },
        ],
        subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
        annotations,
      }),
    ),
  );
  await repository.put(manifest, [], { confirmsLater }).catch(async (error: unknown) => {
    // A registry that is sent the empty config by two at once may lack it for a moment.
    if (!(error instanceof UnknownContentError)) throw error;
    await Promise.all([emptyConfig, layer].map((blob) => send(blob, true)));
    await repository.put(manifest, [], { confirmsLater });
  });
  return { ...manifest.descriptor, artifactType };
}

function documentOf(mediaType: string, bytes: Uint8Array): ImageDocument {
  return { descriptor: describeBytes(mediaType, bytes), bytes };
}

/** Repositories that have the empty config, or will when this ends: all that is attached there has the same. */
const configs = new WeakMap<Repository, Promise<void>>();

function sendOnce(repository: Repository, send: () => Promise<void>): Promise<void> {
  const begun = configs.get(repository);
  if (begun !== undefined) return begun;
  const sending = send();
  configs.set(repository, sending);
  sending.catch(() => configs.delete(repository));
  return sending;
}
