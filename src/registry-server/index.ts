export type { RateLimit, RegistryBehavior } from "./behavior.ts";
export type { ListingStyle } from "./dispatch.ts";
export { RegistryServerError, type RegistryServerErrorCode } from "./errors.ts";
export { type Collected, type CollectRequest, collectGarbage } from "./garbage.ts";
export {
  type RegistryPushEvent,
  type RegistryRequestEvent,
  type RegistryServer,
  type RegistryServerOptions,
  startRegistryServer,
} from "./server.ts";
