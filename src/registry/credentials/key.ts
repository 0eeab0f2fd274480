import { isHost } from "../../oci/index.ts";

/** Under which names Docker Hub goes in files and URLs. */
const dockerHub = "docker.io";
const dockerHubNames: ReadonlySet<string> = new Set([dockerHub, "index.docker.io", "registry-1.docker.io"]);

/** The name that a host has in rules and files: every name of Docker Hub is `docker.io`. */
export function canonicalHost(host: string): string {
  return dockerHubNames.has(host) ? dockerHub : host;
}

/**
 * A key of `auths` or `credHelpers` as a prefix of repository names, or `undefined` when it can be none. Docker
 * writes hosts, and URLs for old entries (`https://index.docker.io/v1/`); Podman also hosts with a path
 * (containers-auth.json(5)).
 */
export function prefixOfKey(key: string): string | undefined {
  const [, scheme, rest = ""] = /^(https?:\/\/)?(.*?)\/*$/i.exec(key) ?? [];
  const slash = rest.indexOf("/");
  const host = canonicalHost((slash < 0 ? rest : rest.slice(0, slash)).toLowerCase());
  if (!isHost(host)) return undefined;
  const path = slash < 0 ? "" : rest.slice(slash + 1);
  const isApi = /^v[12]$/.test(path) && (scheme !== undefined || host === dockerHub);
  return path === "" || isApi ? host : `${host}/${path}`;
}

/** What a credential helper is asked for: Docker stores Hub's credentials under the URL of its first registry. */
export function helperServer(host: string): string {
  return host === dockerHub ? "https://index.docker.io/v1/" : host;
}
