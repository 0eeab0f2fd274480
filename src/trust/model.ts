import type { FetchDocument } from "../copy/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Descriptor, Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { JudgedImage, NamedSigners, PolicyVerdict } from "../policy/index.ts";
import type { Repository } from "../registry/index.ts";
import type { SignatureReading } from "../sigstore/index.ts";
import type { Hanging } from "./hanging.ts";
import type { TravelRule } from "./travel.ts";

/** What an attached manifest is, by its types and content. */
export type AttachmentFormat =
  | "sigstore-bundle"
  | "cosign-signature"
  | "cosign-attestation"
  | "cosign-sbom"
  | "notation"
  | "buildkit-attestation"
  | "in-toto"
  | "sbom"
  | "helm-provenance"
  | "unknown";

/** A statement or signature as it was read, and which layer it is. */
export interface AttachedReading extends SignatureReading {
  /** What the layer is known by: its descriptor with its annotations. */
  readonly layer: Digest;
  /** The digest of what was signed: of the blob, and of the payload where that is an envelope. */
  readonly content?: Digest | undefined;
}

/** A manifest that accompanies an image. */
export interface Attachment {
  readonly manifest: Descriptor;
  /** What it is about: the image, one of its platforms, or another attachment. */
  readonly subject: Digest;
  /**
   * How it hangs there: by a list of referrers, by one of cosign's tags, in the index itself, or as one of the image's own
   * layers (`manifest` is the image itself then). What is in the index or the image goes wherever that goes.
   */
  readonly way: "referrer" | "tag" | "index" | "layer";
  /** Where the way is `tag`. */
  readonly tag?: Tag | undefined;
  readonly format: AttachmentFormat;
  /** What its layers are known by, in their order; none of an index. */
  readonly layers: readonly Digest[];
  /** What it says, one for each statement or signature; empty where nothing can be said of its content. */
  readonly readings: readonly AttachedReading[];
  /** What hangs on it in turn. */
  readonly attachments: readonly Attachment[];
  /** Why its content could not be read, or not all of it. */
  readonly failure?: FailureRecord | undefined;
}

/** What hangs on an image: on its root, on its platforms, and on what hangs there. */
export interface AttachmentTree {
  /** Its digest alone where it could not be read. */
  readonly root: Pick<Descriptor, "digest"> & Partial<Descriptor>;
  readonly attachments: readonly Attachment[];
  /** Those of its manifest; absent where nobody read that. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Of the manifests that an index lists; none for an image. */
  readonly platforms: readonly { readonly platform: string; readonly tree: AttachmentTree }[];
  /** What could not be read, or was too much to look into: "too many" is never "none". */
  readonly unread: readonly FailureRecord[];
}

/**
 * What a run knows of trust: made of settings, manifests and policies once, and asked by all parts of a promotion. What hangs
 * on an image is read once, whoever asks.
 */
export interface ImageTrust {
  /** Whether anybody is believed at all. Otherwise no signature can be verified here. */
  readonly believesAnybody: boolean;
  readonly travel: TravelRule;
  /** What hangs on an image. Never throws: what could not be read is in the tree. */
  attachments(repository: RepositoryName, digest: Digest): Promise<AttachmentTree>;
  /**
   * The same by lists and tags alone: what it takes to see whether anything is missing elsewhere. Never throws.
   * @param fetch Reads manifests of the repository.
   * @returns `undefined` when the image is not there.
   */
  hanging(repository: Repository, fetch: FetchDocument, digest: Digest): Promise<Hanging | undefined>;
  /** Who may have signed an image: those that the settings' keys name, and those that policies of the image do. Asks nobody. */
  signers(image: JudgedImage): NamedSigners;
  /** Whether any policy may say something of an image. Asks nobody. */
  applies(image: JudgedImage): boolean;
  /**
   * What all policies that apply say of an image; empty when none applies, and nothing is asked then. Never throws.
   * @param where The repository whose attachments are the evidence: its source when it is left out.
   */
  judge(image: JudgedImage, where?: RepositoryName): Promise<readonly PolicyVerdict[]>;
}
