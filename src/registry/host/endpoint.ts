import { isLoopbackHost } from "../../http/index.ts";
import type { HostSettings } from "../../settings/index.ts";
import { canonicalHost } from "../credentials/key.ts";

/** Where requests for a registry host go. */
export interface Endpoint {
  /** The host as reports, credentials and settings name it; two names of one registry have the same. */
  readonly host: string;
  /** Scheme, host and port that requests are sent to. */
  readonly origin: URL;
  /**
   * Plain HTTP was chosen only because the host is called loopback, so it has to be: whoever answers for `localhost`
   * at another address is refused.
   */
  readonly loopbackOnly: boolean;
}

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
