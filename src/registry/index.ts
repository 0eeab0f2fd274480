export { RegistryError, type RegistryErrorCode } from "./errors.ts";
export type { RegistryEvent, RegistryListener, RequestKind } from "./events.ts";
export type {
  ListedManifest,
  Listing,
  PushOptions,
  PushOutcome,
  Repository,
  RepositoryReader,
  RepositoryWriter,
} from "./repository.ts";
