import { inspect } from "node:util";

/**
 * A secret a registry host knows us by. An identity token is exchanged for access tokens at the host's token
 * service (OAuth 2 refresh token); a registry token is itself the bearer token that requests carry. `source` says
 * where the secret was found, for messages such as "credentials from ~/.docker/config.json were refused".
 *
 * Made only by {@link basicCredential}, {@link identityToken} and {@link registryToken}: what they make shows
 * `[redacted]` in logs, in `JSON.stringify` and when it is spread, never the secret.
 */
export type Credential = (
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "identity-token"; readonly token: string }
  | { readonly kind: "registry-token"; readonly token: string }
) & {
  readonly source: string;
  /** Whoever gave it gives another one where it has ended before its time. */
  readonly isRenewable?: boolean;
};

/** Where credentials come from. */
export interface CredentialStore {
  /**
   * The credential for a repository, or `undefined` for anonymous access. `host` is the registry as the repository
   * names it (`docker.io`, `localhost:5000`), `path` the repository's path on it. Asked only for requests that go to
   * that registry or to a token service it may use.
   * @param refused What the registry has just refused, though it had taken it before: one that can be had anew is.
   * @throws {RegistryError} `credential-helper` when a helper fails, `credential-source` when a file or variable
   * that should hold the credential cannot be read.
   */
  lookup(host: string, path: string, refused?: Credential): Promise<Credential | undefined>;
}

/** A user name and password. */
export function basicCredential(
  username: string,
  password: string,
  source: string,
  isRenewable = false,
): Credential {
  return guarded(
    { kind: "basic", username, source, ...(isRenewable && { isRenewable }) },
    "password",
    password,
  );
}

/** A refresh token of a token service, as `docker login` stores it in `identitytoken`. */
export function identityToken(token: string, source: string, isRenewable = false): Credential {
  return guarded({ kind: "identity-token", source, ...(isRenewable && { isRenewable }) }, "token", token);
}

/** A bearer token for the registry itself, as Docker's `registrytoken`. */
export function registryToken(token: string, source: string): Credential {
  return guarded({ kind: "registry-token", source }, "token", token);
}

/** The shown fields with the secret behind them, out of the reach of everything that prints or copies objects. */
function guarded<Shown extends object, Key extends string>(
  shown: Shown,
  key: Key,
  secret: string,
): Shown & Readonly<Record<Key, string>> {
  const redacted = () => ({ ...shown, [key]: "[redacted]" });
  const credential = Object.defineProperties(
    { ...shown },
    {
      [key]: { value: secret },
      toJSON: { value: redacted },
      [inspect.custom]: { value: redacted },
    },
  );
  return Object.freeze(credential) as Shown & Readonly<Record<Key, string>>;
}
