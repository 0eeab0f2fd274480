/**
 * A secret a registry host knows us by. An identity token is exchanged for access tokens at the host's token
 * service (OAuth 2 refresh token); a registry token is itself the bearer token that requests carry.
 */
export type Credential =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "identity-token"; readonly token: string }
  | { readonly kind: "registry-token"; readonly token: string };

/** Where credentials come from. */
export interface CredentialStore {
  /**
   * The credential for a repository, or `undefined` for anonymous access. `host` is the registry as the repository
   * names it (`docker.io`, `localhost:5000`), `path` the repository's path on it. Asked only for requests that go to
   * that registry or to a token service it may use.
   * @throws {RegistryError} `credential-helper` when a configured helper or file cannot answer.
   */
  lookup(host: string, path: string): Promise<Credential | undefined>;
}
