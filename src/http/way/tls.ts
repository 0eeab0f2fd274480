import * as tls from "node:tls";
import { readRegularSync } from "../../disk/index.ts";
import { messageOf } from "../../errors/index.ts";
import { ConnectionError } from "../failure/fault.ts";

/** What `tls.connect` needs to know beside host and port. */
export type TlsOptions = ReturnType<typeof tlsOptions>;

/** How a host is trusted, and how it trusts us: paths of PEM files. */
export interface TlsFiles {
  /** Authorities that are trusted beside the system's. */
  readonly ca?: string;
  /** A client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Accept any certificate: shown as a warning in every plan. */
  readonly insecure?: boolean;
}

/**
 * TLS by the settings of a host. Its own authorities are trusted beside the system's, not instead of them.
 * @param host For messages.
 * @param authority Trusts this PEM file, too: the registry's own authority also vouches for where it sends us.
 * @throws {ConnectionError} `tls` when a file cannot be read or is no PEM.
 */
export function tlsOptions(host: string, settings: TlsFiles = {}, authority?: string) {
  const files = [settings.ca, authority].filter((file) => file !== undefined);
  const own = [...new Set(files)].map((file) => readPem(file, host));
  const cert = settings.cert === undefined ? undefined : readPem(settings.cert, host);
  const key = settings.key === undefined ? undefined : readPem(settings.key, host);
  try {
    const ca = own.length === 0 ? undefined : [...systemAuthorities(), ...own];
    const secureContext = tls.createSecureContext({ ca, cert, key });
    return { secureContext, rejectUnauthorized: settings.insecure !== true };
  } catch (cause) {
    throw new ConnectionError("tls", `the certificates for ${host} cannot be used: ${messageOf(cause)}`, {
      where: [...files, settings.cert, settings.key].filter((file) => file !== undefined).join(", "),
      hint: "the files have to be PEM, and the key has to be the certificate's and without a password",
      cause,
    });
  }
}

/** Node's authorities and those of `NODE_EXTRA_CA_CERTS`: what Node trusts as long as no list is given. */
function systemAuthorities(): readonly string[] {
  // Node 22.15 and later; the type of Node 20 does not have it.
  const current = tls as { getCACertificates?: (type: "default") => string[] };
  if (current.getCACertificates !== undefined) return current.getCACertificates("default");
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  return extra ? [...tls.rootCertificates, readPem(extra, "NODE_EXTRA_CA_CERTS")] : tls.rootCertificates;
}

/** Bytes of all authorities that there are, many times over. */
const maxFileBytes = 16 * 1024 * 1024;

function readPem(file: string, host: string): string {
  let text: string;
  try {
    // A pipe or a device would have everything wait for it.
    text = readRegularSync(file, maxFileBytes).toString();
  } catch (cause) {
    throw new ConnectionError("tls", `a TLS file for ${host} cannot be read: ${messageOf(cause)}`, {
      where: file,
      hint: "mend the path in waybill.yaml",
      cause,
    });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new ConnectionError("tls", `a TLS file for ${host} is not PEM`, {
    where: file,
    hint: "convert it, for example with: openssl x509 -inform der",
  });
}
