import { cosignTag, type Descriptor, describeBytes } from "../oci/index.ts";
import { attachArtifact } from "../provenance/index.ts";
import type { Repository } from "../registry/index.ts";
import { bundleMediaType } from "../signing/index.ts";
import type { CosignTags } from "./cosign-tags.ts";

/** The subject of what is attached. */
export type AttachedTo = Pick<Descriptor, "mediaType" | "digest" | "size">;

/**
 * Attaches a Sigstore bundle to an image as cosign 3 does, as a referrer, but without the time of attaching: the same
 * bundle gives the same manifest, and attaching it again changes nothing. The repository has to be asked at the end of the run
 * whether its lists have kept it.
 * @throws {RegistryError}
 */
export function attachBundle(
  repository: Repository,
  subject: AttachedTo,
  bundle: Uint8Array,
  predicateType: string,
): Promise<Descriptor> {
  return attachArtifact(repository, subject, {
    artifactType: bundleMediaType,
    layer: { mediaType: bundleMediaType, bytes: bundle },
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": predicateType,
    },
    isNew: true,
    confirmsLater: true,
  });
}

/** What is put under one of cosign's tags. */
export interface LegacyLayer {
  readonly kind: "sig" | "att";
  readonly bytes: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

const layerTypes = {
  sig: "application/vnd.dev.cosign.simplesigning.v1+json",
  att: "application/vnd.dsse.envelope.v1+json",
} as const;

/**
 * Puts a signature, or an envelope, under cosign's tag of an image beside what is there.
 * @param tags Has to be asked at the end of the run whether what it wrote has stayed.
 * @throws {RegistryError}
 */
export function attachLegacy(
  tags: CosignTags,
  repository: Repository,
  { digest }: AttachedTo,
  { kind, bytes, annotations }: LegacyLayer,
): Promise<void> {
  const descriptor = { ...describeBytes(layerTypes[kind], bytes), annotations };
  return tags.merge({
    repository,
    tag: cosignTag(digest, kind),
    layers: [{ descriptor, content: async () => bytes }],
  });
}
