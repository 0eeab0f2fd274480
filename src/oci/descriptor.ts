import { type Digest, digestOf } from "./digest.ts";

/** A content descriptor (OCI image specification, descriptor.md): what a document says about another object. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly platform?: Platform | undefined;
}

/** The platform an index entry is for (image-index.md); what an entry leaves out is empty. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** Bytes with the descriptor they were checked against; the bytes are never re-encoded. */
export interface ImageDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** What bytes of a media type are, by their SHA-256 digest. */
export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** A platform as people write it: `linux/arm64/v8`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/");
}

/**
 * Whether an entry of an index is no image but says something about one, as BuildKit adds them to its indexes: for a platform that
 * no machine is, and marked as such (BuildKit, attestation-storage.md). Runtimes choose by platform and look at no annotation, so
 * that an entry of any other platform is an image, whatever it calls itself.
 */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  return (
    annotations?.["vnd.docker.reference.type"] === "attestation-manifest" &&
    platform?.os === "unknown" &&
    platform.architecture === "unknown"
  );
}
