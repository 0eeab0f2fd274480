import { faultError } from "./failure/fault.ts";

/**
 * Where a redirect leads. Only HTTP addresses, and never from HTTPS back to plain HTTP; a name and password in the
 * address are dropped. All else is thrown as a fault: `unsafe-redirect`.
 */
export function redirectTarget(from: URL, location: string): URL {
  const refuse = (where: string) =>
    faultError("unsafe-redirect", `${from.host} answers with a redirect ${where}`);
  if (!URL.canParse(location, from.href)) throw refuse("to something that is no address");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:") throw refuse(`to ${to.protocol}`);
  if (from.protocol === "https:" && to.protocol === "http:") throw refuse(`from HTTPS to HTTP (${to.host})`);
  to.username = "";
  to.password = "";
  to.hash = "";
  return to;
}
