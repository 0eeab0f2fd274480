import { type Endpoint, isLoopbackHost } from "../../http/index.ts";
import type { HostSettings } from "../../settings/index.ts";
import { canonicalHost } from "../credentials/key.ts";

/** Where Docker Hub answers the distribution protocol. */
const dockerHubOrigin = "https://registry-1.docker.io";

/**
 * The endpoint of a host. HTTPS, except where the settings say `http: true`, and except for loopback hosts without
 * any setting that speaks of TLS: those are talked to in plain HTTP, as every registry on a laptop expects.
 */
export function endpointOf(host: string, settings: HostSettings = {}): Endpoint {
  const canonical = canonicalHost(host);
  if (canonical === "docker.io") {
    return { host: canonical, origin: new URL(dockerHubOrigin), loopbackOnly: false };
  }
  const origin = new URL(`https://${canonical}`);
  const implicit = settings.http === undefined && settings.tls === undefined;
  const loopback = implicit && isLoopbackHost(origin.hostname) && !/:443$/.test(canonical);
  if (settings.http === true || loopback) origin.href = `http://${canonical}`;
  return { host: origin.host, origin, loopbackOnly: loopback };
}

/**
 * The path of a repository in URLs: Docker Hub keeps its own images, such as `docker.io/alpine`, below `library/`
 * (distribution's reference normalization).
 */
export function pathOnEndpoint(endpoint: Endpoint, path: string): string {
  return endpoint.host === "docker.io" && !path.includes("/") ? `library/${path}` : path;
}
