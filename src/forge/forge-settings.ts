import type { ForgeKind } from "./forge.ts";

/** What somebody has configured of forges, by `host` or `host:port` in lower case. */
export type ForgeSettings = Readonly<Record<string, ForgeHostSettings>>;

/** What somebody has configured of one forge. */
export interface ForgeHostSettings {
  readonly kind?: ForgeKind;
  /** Plain HTTP. Without it, only loopback addresses are spoken to without TLS. */
  readonly http?: boolean;
}

/** What is configured of one host. */
export function settingsOf(settings: ForgeSettings | undefined, host: string): ForgeHostSettings | undefined {
  return settings !== undefined && Object.hasOwn(settings, host) ? settings[host] : undefined;
}
