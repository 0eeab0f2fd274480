export { type AttachedTo, attachBundle, attachLegacy, type LegacyLayer } from "./attach-signed.ts";
export {
  type CosignTags,
  layerIdentity,
  layersOf,
  maxLayerBytes,
  openCosignTags,
  type TagLayer,
  type TagMerge,
  tagPlace,
} from "./cosign-tags.ts";
export type { Hanging } from "./hanging.ts";
export { type AttachmentsOptions, readAttachments } from "./look.ts";
export type { AttachmentLimits } from "./look-limits.ts";
export type * from "./model.ts";
export { type TrustQuestion, trustOf } from "./of-manifests.ts";
export { openTrust, type TrustServices } from "./open.ts";
export type { ReadingRoom } from "./reading-room.ts";
export {
  findSignedHere,
  isBy,
  type SignatureLayout,
  type SignedHere,
  type SignedQuestion,
} from "./signed-here.ts";
export {
  type ImageSigning,
  identityIn,
  type KnownSigner,
  knownSigner,
  openSigning,
  type SigningFacts,
  TrustError,
  type TrustErrorCode,
} from "./signing.ts";
export { type SigningQuestion, signingBySettings } from "./signing-by-settings.ts";
export { attachmentInWords, type StatementWords, statementInWords } from "./statement-words.ts";
export {
  type Accompaniment,
  type Admission,
  companionKey,
  companionsOf,
  type LeftBehind,
  leftBehindReasons,
  type Travelling,
  type TravelRule,
  travelling,
  travelRule,
} from "./travel.ts";
export {
  allOf,
  type ToldAttachment,
  type ToldReading,
  type ToldTree,
  toldTree,
} from "./tree-document.ts";
export { type BelievedFiles, readVerifier } from "./verifier.ts";
export { signerInWords, type VouchedProvenance, vouchedProvenance } from "./vouched-provenance.ts";
