import { ForgeError } from "./errors.ts";
import type { ForgeKind } from "./forge.ts";

const apiPaths: Readonly<Record<ForgeKind, string>> = {
  github: "/api/v3",
  gitlab: "/api/v4",
  gitea: "/api/v1",
};

/**
 * Where a forge is asked: its host, in lower case, and what paths of its API are below, without a slash at its end. Plain HTTP is spoken to loopback addresses, and elsewhere only when somebody has said so.
 * @throws {ForgeError} `forge-unknown` when the host is none.
 */
export function addressOf(
  kind: ForgeKind,
  host: string,
  http?: boolean,
): { readonly host: string; readonly api: string } {
  const name = checkedHost(host);
  if (kind === "github" && name === "github.com") return { host: name, api: "https://api.github.com" };
  // GitHub Enterprise Cloud with data residency.
  if (kind === "github" && name.endsWith(".ghe.com")) return { host: name, api: `https://api.${name}` };
  return { host: name, api: `${originOf(name, http)}${apiPaths[kind]}` };
}

/** `host` or `host:port` in lower case. @throws {ForgeError} `forge-unknown` when it is something else. */
export function checkedHost(host: string): string {
  const url = `https://${host}`;
  if (!/[/?#@\\\s]/.test(host) && URL.canParse(url)) {
    const parsed = new URL(url);
    if (parsed.pathname === "/" && parsed.hostname !== "") return parsed.host;
  }
  throw new ForgeError("forge-unknown", `${JSON.stringify(host.slice(0, 200))} is no host`, {
    hint: "name it as host or host:port, without https://",
  });
}

/** The origin that a forge shows itself at, and that Git speaks to. */
export function originOf(host: string, http?: boolean): string {
  return `${(http ?? isLoopback(host)) ? "http" : "https"}://${host}`;
}

function isLoopback(host: string): boolean {
  const { hostname } = new URL(`http://${host}`);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** What somebody has configured of forges, by `host` or `host:port` in lower case. */
export type ForgeSettings = Readonly<Record<string, ForgeHostSettings>>;

/** What somebody has configured of one forge. */
export interface ForgeHostSettings {
  readonly kind?: ForgeKind;
  /** Plain HTTP. Without it, only loopback addresses are spoken to without TLS. */
  readonly http?: boolean;
  /** Where its token is kept, before any other place: a reference to a secret. */
  readonly tokenFrom?: string;
  /** Waybill is this app of GitHub there, in place of a user with a token. */
  readonly app?: AppSettings;
  /** The token of those who only read: another one is not used in its place. */
  readonly readingToken?: { readonly file?: string | undefined; readonly variable?: string | undefined };
}

/** An app of GitHub. */
export interface AppSettings {
  /** Its client id, or its number. */
  readonly id: string;
  /** Absolute path of the file with its private key, in PEM. */
  readonly privateKeyFile: string;
}

/** What is configured of one host. */
export function settingsOf(settings: ForgeSettings | undefined, host: string): ForgeHostSettings | undefined {
  return settings !== undefined && Object.hasOwn(settings, host) ? settings[host] : undefined;
}
