import { lookup as dnsLookup } from "node:dns";
import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { Agent, type Dispatcher, EnvHttpProxyAgent } from "undici";
import type { HostSettings } from "../../settings/index.ts";
import { RegistryError } from "../errors.ts";
import { kindOfAddress } from "./address.ts";

export type AddressRule = "any" | "loopback" | "public";

/** Connections to one host, by its settings. */
export function createDispatcher(
  host: string,
  settings: HostSettings,
  environment: Readonly<Record<string, string | undefined>>,
  rule: AddressRule,
): Dispatcher {
  const options: Agent.Options = {
    connections: settings.concurrency ?? 16,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 120_000,
    bodyTimeout: 120_000,
    keepAliveTimeout: 10_000,
    maxHeaderSize: 32_768,
    connect: { timeout: 15_000, lookup: guardedLookup(host, rule), ...tlsOptions(host, settings) },
  };
  const httpProxy = environment.http_proxy ?? environment.HTTP_PROXY;
  const httpsProxy = environment.https_proxy ?? environment.HTTPS_PROXY;
  if (rule === "loopback" || (!httpProxy && !httpsProxy)) return new Agent(options);
  const { connect, ...rest } = options;
  return new EnvHttpProxyAgent({
    ...rest,
    httpProxy: httpProxy ?? "",
    httpsProxy: httpsProxy ?? "",
    noProxy: environment.no_proxy ?? environment.NO_PROXY ?? "",
    requestTls: tlsOptions(host, settings),
    ...(connect === undefined ? {} : { connect }),
  });
}

function tlsOptions(host: string, { tls }: HostSettings) {
  if (tls === undefined) return {};
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new RegistryError("tls", `the certificate file ${file} cannot be read`, { where: host, cause });
    }
  };
  return {
    ...(tls.ca === undefined ? {} : { ca: [...rootCertificates, read(tls.ca).toString()] }),
    ...(tls.cert === undefined ? {} : { cert: read(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: read(tls.key) }),
    ...(tls.insecure ? { rejectUnauthorized: false } : {}),
  };
}

/** Resolves names as ever, and refuses addresses the rule forbids at the moment of connecting: no name can be rebound in between. */
function guardedLookup(host: string, rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const forbidden = addresses.find(({ address }) => !isAllowed(address, rule));
      if (forbidden !== undefined) {
        return callback(
          unsafeAddress(host, hostname, forbidden.address) as unknown as NodeJS.ErrnoException,
          "",
        );
      }
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      return callback(null, first?.address ?? "", first?.family);
    });
  };
}

export function isAllowed(address: string, rule: AddressRule): boolean {
  if (rule === "any") return true;
  return kindOfAddress(address) === rule;
}

export function unsafeAddress(host: string, hostname: string, address: string): RegistryError {
  return new RegistryError(
    "unsafe-address",
    `${hostname} is ${address}, which is not an address to be sent to`,
    {
      where: host,
      hint: "if the registry may really send clients there, set allowPrivateAddresses for it in waybill.yaml",
    },
  );
}
