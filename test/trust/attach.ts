import { buildImage, pushImage } from "../../src/demo/image.ts";
import {
  type CosignTagKind,
  cosignTag,
  type Descriptor,
  type Digest,
  describeBytes,
  hexOf,
  type ImageDocument,
  mediaTypes,
  type Tag,
} from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";

/** A layer of what is attached. */
export interface Layer {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What is put beside an image, as clients put it. */
export interface AttachmentSpec {
  readonly artifactType?: string | undefined;
  readonly configType?: string;
  readonly layers: readonly Layer[];
  readonly annotations?: Readonly<Record<string, string>>;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A manifest of these layers; its blobs are pushed, and nothing else is. */
export async function manifestOf(
  repository: Repository,
  { artifactType, configType = mediaTypes.ociEmpty, layers, annotations }: AttachmentSpec,
  subject?: Descriptor,
): Promise<ImageDocument> {
  const config = describeBytes(configType, Buffer.from("{}"));
  await repository.push(config, async () => Buffer.from("{}"), { inMemory: true });
  const described: Descriptor[] = [];
  for (const { mediaType, bytes, annotations: own } of layers) {
    const descriptor = describeBytes(mediaType, bytes);
    await repository.push(descriptor, async () => bytes, { inMemory: true });
    described.push({ ...descriptor, annotations: own });
  }
  const { ociManifest: mediaType } = mediaTypes;
  const bytes = json({
    ...{ schemaVersion: 2, mediaType, artifactType, config, layers: described, annotations },
    subject: subject && { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
  });
  return { bytes, descriptor: describeBytes(mediaType, bytes) };
}

/** Attaches a referrer. */
export async function refer(
  repository: Repository,
  subject: Descriptor,
  spec: AttachmentSpec,
): Promise<Descriptor> {
  const document = await manifestOf(repository, spec, subject);
  await repository.put(document);
  return document.descriptor;
}

/** Puts a manifest under one of cosign's tags. */
export async function tagAlong(
  repository: Repository,
  subject: Digest,
  kind: CosignTagKind,
  layers: readonly Layer[],
): Promise<{ readonly digest: Digest; readonly tag: Tag }> {
  const document = await manifestOf(repository, { configType: mediaTypes.ociConfig, layers });
  const tag = cosignTag(subject, kind);
  await repository.put(document, tag);
  return { digest: document.descriptor.digest, tag };
}

/** A statement of in-toto. */
export function statement(subject: Digest, predicateType: string, predicate: unknown = {}) {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "app", digest: { sha256: hexOf(subject) } }],
    predicateType,
    predicate,
  };
}

export function envelope(subject: Digest, predicateType: string, predicate: unknown = {}): Buffer {
  const payload = json(statement(subject, predicateType, predicate)).toString("base64");
  return json({ payloadType: "application/vnd.in-toto+json", payload, signatures: [{ sig: "c2ln" }] });
}

export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
export const signed = "https://sigstore.dev/cosign/sign/v1";
export const slsa = "https://slsa.dev/provenance/v1";

/** A Sigstore bundle with a statement, as cosign 3 attaches it. Nobody signed it. */
export function bundle(
  subject: Digest,
  predicateType: string,
  { type = bundleType, about = subject, predicate = {} as unknown } = {},
): AttachmentSpec {
  const bytes = json({
    mediaType: type,
    verificationMaterial: { publicKey: { hint: "a" } },
    dsseEnvelope: JSON.parse(envelope(about, predicateType, predicate).toString()) as unknown,
  });
  return {
    artifactType: type,
    layers: [{ mediaType: type, bytes }],
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": predicateType,
    },
  };
}

/** A layer of cosign's tag `.sig`. */
export function simpleSigning(subject: Digest): Layer {
  const bytes = json({
    critical: {
      identity: { "docker-reference": "registry.example/app" },
      image: { "docker-manifest-digest": subject },
      type: "cosign container image signature",
    },
    optional: null,
  });
  return {
    mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
    bytes,
    annotations: { "dev.cosignproject.cosign/signature": "c2ln" },
  };
}

/** Pushes an image of two platforms, and its index as BuildKit makes it: with what it says of the first of them. */
export async function pushBuildKitImage(repository: Repository, name = "app") {
  const image = await buildImage(name, "v1");
  await pushImage(image, repository, []);
  const [first, second] = image.children.map(({ descriptor }) => descriptor) as [Descriptor, Descriptor];
  const layers = [slsa, "https://spdx.dev/Document"].map((predicateType) => ({
    mediaType: "application/vnd.in-toto+json",
    bytes: json(statement(first.digest, predicateType, { buildDefinition: {} })),
    annotations: { "in-toto.io/predicate-type": predicateType },
  }));
  const artifactType = "application/vnd.docker.attestation.manifest.v1+json";
  const attestation = await refer(repository, first, { artifactType, layers });
  const { ociIndex: mediaType } = mediaTypes;
  const platform = { os: "linux", architecture: "amd64" };
  const bytes = json({
    schemaVersion: 2,
    mediaType,
    manifests: [
      { ...first, platform },
      { ...second, platform: { ...platform, architecture: "arm64" } },
      {
        ...attestation,
        platform: { os: "unknown", architecture: "unknown" },
        annotations: {
          "vnd.docker.reference.type": "attestation-manifest",
          "vnd.docker.reference.digest": first.digest,
        },
      },
    ],
  });
  const root = { bytes, descriptor: describeBytes(mediaType, bytes) };
  await repository.put(root);
  return { root: root.descriptor, first, second, attestation };
}
