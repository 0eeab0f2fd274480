export {
  type Descriptor,
  describeBytes,
  formatPlatform,
  type ImageDocument,
  isAttestation,
  type Platform,
} from "./descriptor.ts";
export {
  algorithmOf,
  type Checkpoint,
  createHashCheckpoints,
  type Digest,
  type DigestHasher,
  digestFault,
  digestHasher,
  digestMatches,
  digestOf,
  digestSchema,
  type HashCheckpoints,
  hexOf,
  isDigest,
  parseDigest,
} from "./digest.ts";
export { english, jsonIn, parseDocumentJson } from "./document-json.ts";
export { OciError, type OciErrorCode } from "./errors.ts";
export {
  type CosignTagKind,
  cosignTag,
  cosignTagKindOf,
  cosignTagKinds,
  type ImageContent,
  imageContentIn,
  isReferrersTag,
  readImageContent,
  referrerEntry,
  referrersTag,
  subjectOf,
} from "./image-manifest.ts";
export { limits } from "./limits.ts";
export {
  acceptedManifests,
  bareMediaType,
  isForeignLayerType,
  isImageType,
  isIndexType,
  isManifestType,
  mediaTypes,
} from "./media-type.ts";
export { longestPrefix, prefixFault, restBelow } from "./prefix.ts";
export {
  formatReference,
  isHost,
  isRepositoryPath,
  parseReference,
  parseRepository,
  type Reference,
  type RepositoryName,
  type RepositoryPath,
  repositoryFault,
  splitRepository,
  type Target,
} from "./reference.ts";
export { isTag, parseTag, type Tag } from "./tag.ts";
