import { RegistryError } from "../errors.ts";

/** Redirects that are followed for one request. */
export const redirectLimit = 5;

/**
 * Where a redirect leads. Only HTTP addresses, and never from HTTPS back to plain HTTP; a name and password in the
 * address are dropped.
 * @throws {RegistryError} `unsafe-redirect`.
 */
export function redirectTarget(from: URL, location: string, where: string): URL {
  const refuse = (what: string) =>
    new RegistryError("unsafe-redirect", `${from.host} answers with a redirect ${what}`, {
      where,
      hint: "it was not followed; ask whoever runs the registry",
    });
  if (!URL.canParse(location, from.href)) throw refuse("to something that is no address");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:") throw refuse(`to ${to.protocol}`);
  if (from.protocol === "https:" && to.protocol === "http:") throw refuse(`from HTTPS to HTTP (${to.host})`);
  to.username = "";
  to.password = "";
  to.hash = "";
  return to;
}
