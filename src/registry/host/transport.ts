import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { HostSettings } from "../../settings/index.ts";
import { RegistryError } from "../errors.ts";
import { type AddressKind, kindOfAddress, literalAddress } from "./address.ts";
import { type AddressRule, forbidden, guardedConnector, type Undici } from "./connector.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Environment, proxyFor } from "./proxy.ts";
import type { Timing } from "./timing.ts";
import { type TlsOptions, tlsOptions } from "./tls.ts";

/** One HTTP request, exactly as it goes out. */
export interface Outgoing {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | Readable;
  /** Milliseconds until the answer's headers; 0 when the caller watches over it with `signal`. */
  readonly answerWithin: number;
  readonly signal?: AbortSignal;
}

/** The connections of one registry host, and of the hosts that it sends us on to. */
export interface Transport {
  /** Sends one request and neither repeats nor redirects it. Fails with what the system, TLS or the parser said. */
  request(outgoing: Outgoing): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly endpoint: Endpoint;
  /** Settings by host: the registry's own, and those of hosts it may send us to. */
  readonly settingsOf: (host: string) => HostSettings | undefined;
  readonly environment: Environment;
  readonly connections: number;
  readonly timing: Timing;
}

/** Hosts that a registry may send us to before the connections to the first of them are given up. */
const mostOrigins = 32;

/**
 * The registry's own origin is trusted with its client certificate and may be at any address. Every other origin is
 * one that somebody sent us to: it gets no client certificate but its own, the registry's authority is trusted for it,
 * and its address must be public or of the same kind as the registry's own, unless the settings allow private ones.
 * Addresses that hand out the secrets of cloud machines are never allowed. Behind a proxy, which resolves names
 * itself, only addresses written in the URL can be checked.
 */
export function openTransport(options: TransportOptions): Transport {
  const { endpoint, timing } = options;
  const settings = options.settingsOf(endpoint.host) ?? {};
  const dispatchers = new Map<string, Dispatcher>();
  const seen = new Set<AddressKind>();
  const literal = literalAddress(endpoint.origin.hostname);
  if (literal !== undefined) seen.add(kindOfAddress(literal));

  const ownRule: AddressRule = {
    allows: (kind) => !endpoint.loopbackOnly || kind === "loopback",
    connected: (kind) => seen.add(kind),
  };
  const foreignRule: AddressRule = {
    allows: (kind) => {
      if (kind === "public") return true;
      return kind !== "metadata" && (settings.allowPrivateAddresses === true || seen.has(kind));
    },
  };

  const tlsFor = (url: URL, isOwn: boolean): TlsOptions =>
    isOwn
      ? tlsOptions(endpoint.host, settings.tls)
      : tlsOptions(url.host, options.settingsOf(url.host)?.tls, settings.tls?.ca);

  const createDispatcher = (undici: Undici, url: URL): Dispatcher => {
    const isOwn = url.origin === endpoint.origin.origin;
    const rule = isOwn ? ownRule : foreignRule;
    const tls = tlsFor(url, isOwn);
    const pool = {
      connections: options.connections,
      bodyTimeout: timing.answer,
      connectTimeout: timing.connect,
    };
    const proxy = proxyFor(url, options.environment);
    if (proxy === undefined) {
      const connect = guardedConnector(undici, rule, tls, timing.connect);
      return new undici.Pool(url.origin, { ...pool, connect });
    }
    const address = literalAddress(url.hostname);
    if (address !== undefined && !rule.allows(kindOfAddress(address))) {
      throw forbidden(url.hostname, kindOfAddress(address));
    }
    if (!/^https?:$/.test(URL.canParse(proxy) ? new URL(proxy).protocol : "")) throw unusableProxy(url);
    return new undici.ProxyAgent({
      ...pool,
      uri: proxy,
      requestTls: tls,
      proxyTunnel: url.protocol === "https:",
    });
  };

  const dispatcherFor = (undici: Undici, url: URL): Dispatcher => {
    const known = dispatchers.get(url.origin);
    if (known !== undefined) return known;
    const created = createDispatcher(undici, url);
    const [oldest] = [...dispatchers.keys()].filter((origin) => origin !== endpoint.origin.origin);
    if (dispatchers.size > mostOrigins && oldest !== undefined) {
      dispatchers
        .get(oldest)
        ?.close()
        .catch(() => {});
      dispatchers.delete(oldest);
    }
    dispatchers.set(url.origin, created);
    return created;
  };

  return {
    async request({ method, url, headers, body, answerWithin, signal }) {
      const undici = await import("undici");
      return dispatcherFor(undici, url).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { "user-agent": "waybill", ...headers },
        headersTimeout: answerWithin,
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    async close() {
      const all = [...dispatchers.values()];
      dispatchers.clear();
      await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function unusableProxy(url: URL): RegistryError {
  const variable = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  return new RegistryError("unreachable", `${variable} is not the URL of an HTTP proxy`, {
    where: url.host,
    hint: "write it as http://host:port",
  });
}
