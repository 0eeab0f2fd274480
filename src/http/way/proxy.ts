import { BlockList, isIP } from "node:net";
import { isLoopbackHost, literalAddress } from "./address.ts";

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
