import { WaybillError } from "../errors/index.ts";

/**
 * Why somebody is not let in, or may not do something.
 * - `credential-invalid`: a token or session that does not exist, has ended or was revoked.
 * - `login-unavailable`: whoever vouches for people cannot be reached, or is configured wrongly.
 * - `login-refused`: it was reached, and the login came to nothing.
 * - `provider-unknown`: nobody of that name vouches for people here.
 * - `machine-refused`: a CI system's token that nobody here trusts.
 * - `token-request-invalid`: a token that cannot be made as it is asked for.
 * - `token-unknown`: no token has that id.
 * - `forbidden`: who asks is known, and may not do it.
 * - `membership-unread`: what would let somebody do it is a membership that the forge does not tell now.
 * - `public-url-unsafe`: sessions cannot be kept at this address.
 */
export type AccessErrorCode =
  | "credential-invalid"
  | "login-unavailable"
  | "login-refused"
  | "provider-unknown"
  | "machine-refused"
  | "token-request-invalid"
  | "token-unknown"
  | "forbidden"
  | "membership-unread"
  | "public-url-unsafe";

/** Somebody is not let in. Never holds a secret, and nothing of a credential that was shown. */
export class AccessError extends WaybillError<AccessErrorCode> {
  override readonly name = "AccessError";
}
