import {
  type CosignTagKind,
  type Descriptor,
  type ImageContent,
  isAttestation,
  mediaTypes,
} from "../oci/index.ts";
import type { AttachmentFormat } from "./model.ts";

/** Media types by which what hangs on an image is known, of artifacts and of layers. */
export const attachedTypes = {
  simpleSigning: "application/vnd.dev.cosign.simplesigning.v1+json",
  envelope: "application/vnd.dsse.envelope.v1+json",
  inToto: "application/vnd.in-toto+json",
  notation: "application/vnd.cncf.notary.signature",
  buildKit: "application/vnd.docker.attestation.manifest.v1+json",
  helmProvenance: "application/vnd.cncf.helm.chart.provenance.v1.prov",
} as const;

/** What a Sigstore bundle is stored as: `…bundle.v0.3+json`, and `…bundle+json;version=0.3`. */
export function isBundleType(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.dev.sigstore.bundle");
}

/** Lists of what is in an image, by media type; what they would be called as predicates of a statement. */
const sbomPredicates: readonly (readonly [RegExp, string])[] = [
  [/^(?:application|text)\/spdx(?:\+\w+)?$/, "https://spdx.dev/Document"],
  [/^application\/vnd\.cyclonedx(?:\+\w+)?$/, "https://cyclonedx.org/bom"],
  [/^application\/vnd\.syft(?:\+\w+)?$/, "https://syft.dev/bom"],
];

/** What a list of an image's parts of this media type would be as the predicate of a statement; `undefined` for what is none. */
export function sbomPredicate(mediaType: string): string | undefined {
  const [bare = ""] = mediaType.split(";", 1);
  return sbomPredicates.find(([type]) => type.test(bare.trim().toLowerCase()))?.[1];
}

/** cosign's types of artifacts while it tried referrers: `application/vnd.dev.cosign.artifact.sig.v1+json`. */
const triedTypes = /^application\/vnd\.dev\.cosign\.artifact\.(sig|att|sbom)\.v1\+json$/;

const byKind = {
  sig: "cosign-signature",
  att: "cosign-attestation",
  sbom: "cosign-sbom",
} as const satisfies Record<CosignTagKind, AttachmentFormat>;

/**
 * What a manifest that hangs on an image is, by its types: those of its artifact, its config and its layers. What a list says of
 * it is not asked.
 * @param entry Its place in an index, where that is how it hangs there.
 * @param kind Of cosign's tag, where that is how it hangs there.
 */
export function formatOf(content: ImageContent, entry?: Descriptor, kind?: CosignTagKind): AttachmentFormat {
  const [config, ...layers] = content.blobs;
  const own = [content.artifactType, config?.mediaType].filter((type) => type !== undefined);
  const types = layers.map(({ mediaType }) => mediaType);
  const tried = own.map((type) => triedTypes.exec(type)?.[1]).find((found) => found !== undefined);
  if (types.some(isBundleType) || own.some(isBundleType)) return "sigstore-bundle";
  if (own.includes(attachedTypes.notation)) return "notation";
  if (own.includes(attachedTypes.buildKit) || (entry !== undefined && isAttestation(entry))) {
    return "buildkit-attestation";
  }
  if (types.includes(attachedTypes.simpleSigning)) return "cosign-signature";
  if (types.includes(attachedTypes.envelope)) return "cosign-attestation";
  if (tried === "sig" || tried === "att" || tried === "sbom") return byKind[tried];
  const isSbom = [...own, ...types].some((type) => sbomPredicate(type) !== undefined);
  if (kind === "sbom" && isSbom) return "cosign-sbom";
  if (types.some(isInToto) || own.some(isInToto)) return "in-toto";
  return isSbom ? "sbom" : "unknown";
}

/** Whether a statement of this type lists what is in an image. */
export function isPartsList(predicateType: string): boolean {
  return /^https:\/\/(?:spdx\.dev|cyclonedx\.org|syft\.dev)\b/.test(predicateType);
}

/** Statements of in-toto, plain or in an envelope, by their media type: `application/vnd.in-toto+json`, `…in-toto.bundle`. */
export function isInToto(mediaType: string): boolean {
  return /^application\/vnd\.in-toto\b/.test(mediaType);
}

/** Whether it is made of signatures, which nobody signs in turn under cosign's tags. */
export function isSignature(format: AttachmentFormat): boolean {
  return signatures.has(format);
}

const signatures: ReadonlySet<AttachmentFormat> = new Set([
  ...(["sigstore-bundle", "cosign-signature", "cosign-attestation", "notation"] as const),
]);

/** Predicates that say whether an image may be used: what people look for first. */
const telling: readonly RegExp[] = [
  /^https:\/\/sigstore\.dev\/cosign\/sign\//,
  /^https:\/\/slsa\.dev\//,
  /^https:\/\/k8s\.io\/promo-tools\//,
  /^https:\/\/in-toto\.io\/attestation\//,
  /^https:\/\/cosign\.sigstore\.dev\/attestation\/vuln\//,
  /^https:\/\/(?:spdx\.dev|cyclonedx\.org|openvex\.dev)\b/,
];

/** What a descriptor says that the statement below it is, in the words of whoever wrote it. */
export function statedPredicate({ annotations }: Pick<Descriptor, "annotations">): string | undefined {
  const [, stated] = Object.entries(annotations ?? {}).find(([key]) => /predicate-?type$/i.test(key)) ?? [];
  return stated;
}

/**
 * Listed referrers, most specific first: what says that it is a statement that people look for, then other signatures and
 * statements, then lists of an image's parts, then what does not say what it is, then all else; within each as they are listed.
 * Anybody may attach any number, so that only so many are read.
 */
export function mostTellingFirst(entries: readonly Descriptor[]): readonly Descriptor[] {
  return entries.toSorted((one, other) => rank(one) - rank(other));
}

function rank(entry: Descriptor): number {
  const { artifactType: type = "" } = entry;
  const stated = statedPredicate(entry);
  if (stated !== undefined && telling.some((predicate) => predicate.test(stated))) return 0;
  if (stated !== undefined || isBundleType(type) || isInToto(type) || triedTypes.test(type)) return 1;
  if (type === attachedTypes.notation || type === attachedTypes.buildKit) return 1;
  if (sbomPredicate(type) !== undefined) return 2;
  return type === "" || type === mediaTypes.ociEmpty ? 3 : 4;
}
