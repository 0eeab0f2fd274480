import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import { Refusal } from "./refusal.ts";

/** Where browsers say that a request comes from (Fetch Metadata Request Headers), when no page is behind it. */
const ownSites: ReadonlySet<string> = new Set(["none", "same-origin"]);

/**
 * What keeps web pages out that a browser on this machine shows. A page may send requests to any address that the
 * browser reaches, but the browser says so, in `Origin` and `Sec-Fetch-Site`. A page may also have its own host name
 * point to this address, and is then taken for the same origin; but the name stays in `Host`. Other clients send neither
 * of the first two, and the third as they were told.
 * @param names By what the registry is known, beside the names of the loopback interface and the address that was called, and
 * what the certificate is for: host names without a port, in any case.
 * @throws {Refusal} `DENIED`, 403 for a page, 421 for a name that is not the registry's.
 */
export function webPageGuard(
  names: readonly string[],
  certificate: X509Certificate | undefined,
): (request: IncomingMessage) => void {
  const known = new Set([...names, hostname()].map((name) => canonical(name)));
  const isOwn = (host: string, calledAt: string): boolean =>
    isLoopback(host) ||
    host === calledAt ||
    known.has(host) ||
    certificate?.checkHost(host) !== undefined ||
    certificate?.checkIP(host) !== undefined;

  return (request) => {
    const { host, origin } = request.headers;
    // A browser always sends one, and so does everybody since HTTP 1.1.
    if (host !== undefined && !isOwn(hostOf(host), canonical(request.socket.localAddress ?? ""))) {
      const shown = JSON.stringify(host.slice(0, 200));
      const message = `this registry is not known by the name in Host: ${shown}; --name adds one`;
      throw new Refusal("DENIED", message, { status: 421 });
    }
    const site = request.headers["sec-fetch-site"];
    const scheme = certificate === undefined ? "http" : "https";
    if (origin !== undefined && origin.toLowerCase() !== `${scheme}://${host?.toLowerCase()}`)
      throw ofAPage();
    if (site !== undefined && !ownSites.has(String(site))) throw ofAPage();
  };
}

function ofAPage(): Refusal {
  return new Refusal("DENIED", "this request comes from a web page, and this registry serves none");
}

/** The host of a `Host` header; what is no host is nobody's name. */
function hostOf(header: string): string {
  return canonical(/^(\[[\da-f:.]+\]|[^:[\]/@]+)(?::\d{1,5})?$/i.exec(header.trim())?.[1] ?? "");
}

function canonical(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/^::ffff:(?=[\d.]+$)/, "")
    .replace(/\.$/, "");
}

function isLoopback(host: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host);
}
