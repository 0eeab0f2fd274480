import { WaybillError } from "../../errors/index.ts";

/**
 * Why there is no connection, where that is not for the system to say.
 * - `tls`: the certificates that are configured cannot be used.
 * - `unsafe-address`: the host has an address that it may not have.
 * - `unreachable`: the proxy that is named is none.
 */
export type ConnectionErrorCode = "tls" | "unsafe-address" | "unreachable";

/** What is configured, or what a name leads to, allows no connection. */
export class ConnectionError extends WaybillError<ConnectionErrorCode> {
  override readonly name = "ConnectionError";
}

/** What is found wrong while a connection is made, beside what the system and TLS say. */
export type ConnectionFault = "plain-http" | "connect-timeout" | "proxy";

/** An error whose `code` is the fault, as those of the system have theirs. */
export function connectionFault(fault: ConnectionFault, reason: string = fault): Error {
  return Object.assign(new Error(reason), { code: fault });
}
