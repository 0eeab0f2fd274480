export type { Timing } from "../http/index.ts";
export {
  basicCredential,
  type Credential,
  type CredentialStore,
  identityToken,
  registryToken,
} from "./credentials/credential.ts";
export {
  type CredentialOrigins,
  openCredentials,
  type RuledOptions,
  ruledCredentials,
  usualCredentials,
} from "./credentials/credentials.ts";
export {
  type ForgottenLogin,
  type KeptLogin,
  type Login,
  type LoginOptions,
  logIn,
  loginHost,
  logOut,
} from "./credentials/login.ts";
export {
  type CredentialSources,
  openCredentialSources,
  type SourceOrigins,
} from "./credentials/sources.ts";
export {
  listedOnly,
  mayPass,
  RegistryError,
  type RegistryErrorCode,
  refusesToList,
  UnknownContentError,
} from "./errors.ts";
export type { RegistryEvent, RequestKind } from "./events.ts";
export { type PaceOf, type QuotaOf, quotasOf } from "./host/quotas.ts";
export { isLayout, type LayoutFolder, openLayoutFolder } from "./layout/folder.ts";
export { openLayout } from "./layout/layout.ts";
export { openSealedLayout, type SealedBlobs, type SealedLayout } from "./layout/sealed.ts";
export { type ImagePlace, parsePlace } from "./place.ts";
export { loginAttempt, openRegistries, type Registries, type RegistriesOptions } from "./registries.ts";
export type {
  BlobContent,
  BlobProbe,
  ListedManifest,
  Listing,
  OpenOptions,
  PushOptions,
  PushOutcome,
  PutOptions,
  Repository,
  RepositoryReader,
  RepositoryWriter,
  ResolveOptions,
} from "./repository.ts";
export { notKeptInList, placeOf, placing, readSmallBlob } from "./repository.ts";
export { vouchFor } from "./vouched.ts";
export type { Ending, HostWork } from "./watched.ts";
