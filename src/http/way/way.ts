import type { Agent, RequestOptions } from "node:http";
import { BlockList, isIP } from "node:net";
import { ConnectionError } from "../failure/fault.ts";
import { hostnameOf, isLoopbackHost, kindOfAddress, literalAddress } from "./address.ts";
import {
  type Connector,
  createAgent,
  forbidden,
  proxyAddress,
  proxyAuthorization,
  type RequestTo,
  requestTo,
} from "./connector.ts";
import type { TlsOptions } from "./tls.ts";

/** The way to one origin: straight, or through a proxy that is spoken to in its stead. */
export interface Way {
  readonly agent: Agent;
  /** Node's function that makes a request with such an agent. */
  readonly request: RequestTo;
  /** Where a request for a URL of the origin goes, and what it carries for the proxy. */
  readonly options: (url: URL) => RequestOptions;
}

export interface WayOptions extends Omit<Connector, "tls" | "proxy" | "proxyTls"> {
  readonly environment: NodeJS.ProcessEnv;
  /** Asked only for an origin of HTTPS. */
  readonly tls: () => TlsOptions;
  /** Asked only for a proxy that is spoken to by HTTPS. */
  readonly proxyTls: (proxy: URL) => TlsOptions;
}

/**
 * The one place that decides how an origin is reached, whoever asks for it: through which proxy, by which authorities,
 * and at which addresses. Behind a proxy, which resolves names itself, only addresses written in the URL can be checked.
 * @throws {ConnectionError}
 */
export function createWay(url: URL, options: WayOptions): Way {
  const { environment, rule, tls, proxyTls: tlsOfProxy, ...pool } = options;
  const proxy = proxyOf(url, environment);
  const address = literalAddress(url.hostname);
  if (proxy !== undefined && address !== undefined && !rule.allows(kindOfAddress(address))) {
    throw forbidden(url.hostname, kindOfAddress(address));
  }
  const proxyTls = proxy?.protocol === "https:" ? tlsOfProxy(proxy) : undefined;
  if (proxy !== undefined && url.protocol === "http:") {
    const itself = { tls: proxyTls, proxy: undefined, proxyTls: undefined };
    const agent = createAgent({ ...pool, rule: { allows: () => true }, ...itself });
    return { agent, request: requestTo(proxy), options: (target) => throughProxy(proxy, target) };
  }
  const own = url.protocol === "https:" ? tls() : undefined;
  const agent = createAgent({ ...pool, rule, tls: own, proxy, proxyTls });
  return { agent, request: requestTo(url), options: straight };
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

/**
 * The proxy for a URL by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in lower case first, with the meanings of curl
 * and Go: each variable is for its own scheme; loopback hosts are never sent through a proxy; `NO_PROXY` has host
 * names (which include what is below them), `host:port`, addresses, address ranges, and `*` for everything. Returns
 * `undefined` for a direct connection; a proxy without scheme is an HTTP proxy.
 */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv): string | undefined {
  if (isLoopbackHost(url.hostname)) return undefined;
  const variable = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  const proxy = read(variable, environment);
  if (proxy === undefined || isExempt(url, read("no_proxy", environment) ?? "")) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

function read(variable: string, environment: NodeJS.ProcessEnv): string | undefined {
  return environment[variable]?.trim() || environment[variable.toUpperCase()]?.trim() || undefined;
}

function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => entry === "*" || matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  const range = /^([^/]+)\/(\d{1,3})$/.exec(entry);
  const address = literalAddress(host);
  if (range !== null) return address !== undefined && isInRange(address, range[1] ?? "", Number(range[2]));
  const entryPort = isIP(entry) === 0 ? /:(\d+)$/.exec(entry)?.[1] : undefined;
  if (entryPort !== undefined && entryPort !== port) return false;
  const name = entryPort === undefined ? entry : entry.slice(0, -(entryPort.length + 1));
  if (address !== undefined) return literalAddress(name) === address;
  const domain = name.replace(/^\*?\./, "");
  return host === domain || host.endsWith(`.${domain}`);
}

function isInRange(address: string, network: string, prefix: number): boolean {
  const family = isIP(network);
  if (family === 0 || family !== isIP(address) || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 4 ? "ipv4" : "ipv6");
  return list.check(address, family === 4 ? "ipv4" : "ipv6");
}

function straight(url: URL): RequestOptions {
  return { hostname: hostnameOf(url), port: url.port, path: `${url.pathname}${url.search}` };
}

function throughProxy(proxy: URL, url: URL): RequestOptions {
  const headers = { host: url.host, ...proxyAuthorization(proxy) };
  return { ...proxyAddress(proxy), path: url.href, headers };
}
