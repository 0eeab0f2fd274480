import { isLoopbackHost } from "../../http/index.ts";
import { SecretError, type SecretSetting, type Secrets } from "../../secrets/index.ts";
import { AccessError } from "../errors.ts";
import type { ProviderSettings } from "../model.ts";
import type { PersonIdentity } from "../people.ts";

/** What a browser keeps while its user is at a provider: only who began a login can end it. */
export interface PendingLogin {
  readonly state: string;
  readonly verifier: string;
  readonly nonce: string;
}

/** Somebody who vouches for people. Methods throw {@link AccessError} `login-unavailable` and `login-refused`. */
export interface Provider {
  /** Where a person's browser is sent to log in, and what it has to bring back. */
  begin(redirectUri: string): Promise<{ readonly url: URL; readonly pending: PendingLogin }>;
  /** Who it is, by what the provider has sent the browser back with. */
  finish(returned: URL, pending: PendingLogin): Promise<PersonIdentity>;
}

/** The issuer's address. @throws {AccessError} `login-unavailable` for one that everybody on the way could read. */
export function issuerOf({ issuer, name }: Pick<ProviderSettings, "issuer" | "name">): URL {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url !== undefined && isSafe) return url;
  throw new AccessError("login-unavailable", `the issuer of ${name} is not spoken to by TLS`, {
    where: issuer,
    hint: "write it as the provider names itself, beginning with https://",
  });
}

/** @throws {AccessError} `login-unavailable` when there is none. */
export async function readSecret(place: SecretSetting, secrets: Secrets): Promise<string> {
  const text = await secrets.read(place).catch((cause: unknown) => {
    if (!(cause instanceof SecretError)) throw cause;
    const { message, where, hint = "write the secret that the provider gave you there" } = cause;
    throw new AccessError("login-unavailable", `there is no secret to show to the provider: ${message}`, {
      ...{ where, hint, cause },
    });
  });
  return text.trim();
}

/** What a client of OpenID fails with, in our words: never with what the provider put into it beside a code. */
export function loginFailure(thrown: unknown, provider: string): AccessError {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof AccessError) return cause;
  }
  const code =
    thrown instanceof Error && "error" in thrown && typeof thrown.error === "string" ? thrown.error : "";
  if (/^[a-z_]{1,64}$/.test(code)) {
    const message = code === "access_denied" ? `${provider} was told no` : `${provider} answers with ${code}`;
    return new AccessError("login-refused", message, { hint: "begin the login again", cause: thrown });
  }
  return new AccessError("login-refused", `what ${provider} answers does not fit to this login`, {
    hint: "begin the login again; if it stays so, look at the issuer and the client's id",
    cause: thrown,
  });
}
