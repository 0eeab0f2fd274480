import type { Agent, RequestOptions } from "node:http";
import type { Socket } from "node:net";
import { ConnectionError } from "../failure/fault.ts";
import { kindOfAddress, literalAddress } from "./address.ts";
import { type AddressRule, createAgent, forbidden, proxyAddress, proxyAuthorization } from "./connector.ts";
import { proxyFor } from "./proxy.ts";
import { type TlsOptions, tlsOptions } from "./tls.ts";

/** The way to one origin: straight, or through a proxy that is spoken to in its stead. */
export interface Way {
  readonly agent: Agent;
  /** Where a request for a URL of the origin goes, and what it carries for the proxy. */
  readonly options: (url: URL) => RequestOptions;
}

export interface WayOptions {
  /** Where proxies are named. */
  readonly environment: NodeJS.ProcessEnv;
  readonly rule: AddressRule;
  /** Asked only for an origin of HTTPS. */
  readonly tls: () => TlsOptions;
  readonly connections: number;
  /** Milliseconds for a connection, TLS included. */
  readonly timeout: number;
  /** Told of every connection. */
  readonly opened?: (socket: Socket) => void;
}

/**
 * The one place that decides how an origin is reached, whoever asks for it: through which proxy, by which authorities,
 * and at which addresses. Behind a proxy, which resolves names itself, only addresses written in the URL can be checked.
 * @throws {ConnectionError}
 */
export function createWay(url: URL, options: WayOptions): Way {
  const { environment, rule, tls, connections, timeout, opened } = options;
  const pool = { connections, timeout, ...(opened === undefined ? {} : { opened }) };
  const proxy = proxyOf(url, environment);
  const address = literalAddress(url.hostname);
  if (proxy !== undefined && address !== undefined && !rule.allows(kindOfAddress(address))) {
    throw forbidden(url.hostname, kindOfAddress(address));
  }
  if (proxy !== undefined && url.protocol === "http:") {
    const own = proxy.protocol === "https:" ? tlsOptions(proxy.host) : undefined;
    const agent = createAgent({ ...pool, rule: { allows: () => true }, tls: own, proxy: undefined });
    return { agent, options: (target) => throughProxy(proxy, target) };
  }
  const agent = createAgent({ ...pool, rule, tls: url.protocol === "https:" ? tls() : undefined, proxy });
  return { agent, options: straight };
}

/**
 * The proxy that a URL is reached through.
 * @throws {ConnectionError} When the environment names something that is none.
 */
export function proxyOf(url: URL, environment: NodeJS.ProcessEnv): URL | undefined {
  const text = proxyFor(url, environment);
  if (text === undefined) return undefined;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol)) return proxy;
  const variable = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  throw new ConnectionError("unreachable", `${variable} is not the URL of an HTTP proxy`, {
    where: url.host,
    hint: "write it as http://host:port",
  });
}

/** The host of a URL as sockets want it: an address without brackets. */
export function hostnameOf(url: URL): string {
  return literalAddress(url.hostname) ?? url.hostname;
}

function straight(url: URL): RequestOptions {
  return { hostname: hostnameOf(url), port: url.port, path: `${url.pathname}${url.search}` };
}

function throughProxy(proxy: URL, url: URL): RequestOptions {
  const headers = { host: url.host, ...proxyAuthorization(proxy) };
  return { ...proxyAddress(proxy), path: url.href, headers };
}
