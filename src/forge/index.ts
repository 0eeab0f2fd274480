export type { ForgeHostSettings, ForgeSettings } from "./address.ts";
export { ForgeError, type ForgeErrorCode } from "./errors.ts";
export type * from "./forge.ts";
export { forgeKindOf, knownForgeKind } from "./kind.ts";
export { type ForgeOptions, openForge } from "./open.ts";
export { parseRemote, type RemoteRepository } from "./remote.ts";
export { fittingTitle } from "./title.ts";
export { type FoundToken, findToken, type TokenPlaces } from "./token/token.ts";
export type { ForgeWait, WireTiming } from "./wire.ts";
