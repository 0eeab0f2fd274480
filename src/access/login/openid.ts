import type { Configuration, IDToken, UserInfoResponse } from "openid-client";
import type { Secrets } from "../../secrets/index.ts";
import type { ProviderFetch } from "../fetch.ts";
import type { ProviderSettings } from "../model.ts";
import type { PersonIdentity } from "../people.ts";
import { issuerOf, loginFailure, type Provider, readSecret } from "./provider.ts";

/** Groups of one person beyond which nobody looks. */
const maxGroups = 1_000;

/**
 * People by OpenID Connect: code flow with PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1; RFC 9700). The provider is
 * asked what it is when somebody first logs in, and again after a failure; that it is away keeps no server from starting.
 */
export function openOpenIdProvider(
  settings: ProviderSettings,
  fetch: ProviderFetch,
  secrets: Secrets,
): Provider {
  const { name, clientId, clientSecret, scopes = [] } = settings;
  let known: Promise<Configuration> | undefined;

  /** Asked for once, however many log in at the same time; again after a failure. */
  function configuration(): Promise<Configuration> {
    known ??= discover().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  async function discover(): Promise<Configuration> {
    const client = await import("openid-client");
    const issuer = issuerOf(settings);
    const secret = await readSecret(clientSecret, secrets);
    return client.discovery(issuer, clientId, secret, undefined, {
      [client.customFetch]: fetch,
      execute: issuer.protocol === "http:" ? [client.allowInsecureRequests] : [],
    });
  }

  return {
    async begin(redirectUri) {
      try {
        const config = await configuration();
        const client = await import("openid-client");
        const verifier = client.randomPKCECodeVerifier();
        const [state, nonce] = [client.randomState(), client.randomNonce()];
        const url = client.buildAuthorizationUrl(config, {
          redirect_uri: redirectUri,
          scope: ["openid", "profile", ...scopes].join(" "),
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
          state,
          nonce,
        });
        return { url, pending: { state, nonce, verifier } };
      } catch (error) {
        throw loginFailure(error, name);
      }
    },
    async finish(returned, { state, nonce, verifier }) {
      try {
        const config = await configuration();
        const client = await import("openid-client");
        const tokens = await client.authorizationCodeGrant(config, returned, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (claims === undefined) throw new Error("no ID token");
        const isEnough =
          typeof claims.preferred_username === "string" && groupsIn(claims, settings).length > 0;
        const hasMore = !isEnough && config.serverMetadata().userinfo_endpoint !== undefined;
        const told = hasMore
          ? await client.fetchUserInfo(config, tokens.access_token, claims.sub)
          : undefined;
        return identityOf(claims, told, settings);
      } catch (error) {
        throw loginFailure(error, name);
      }
    },
  };
}

type Claims = Readonly<Record<string, unknown>>;

function identityOf(
  claims: IDToken,
  told: UserInfoResponse | undefined,
  settings: ProviderSettings,
): PersonIdentity {
  const all: Claims = { ...told, ...claims };
  // An address is a name only where the provider has seen that it is the person's.
  const email = all.email_verified === true ? all.email : undefined;
  const login = textIn(all.preferred_username, all.nickname, email) ?? claims.sub;
  return {
    provider: settings.name,
    issuer: settings.issuer,
    subject: claims.sub,
    login,
    shown: textIn(all.name) ?? login,
    groups: [...new Set([...groupsIn(claims, settings), ...groupsIn(told ?? {}, settings)])],
  };
}

function textIn(...values: readonly unknown[]): string | undefined {
  return values.find(
    (value): value is string => typeof value === "string" && value !== "" && value.length <= 200,
  );
}

/** Groups as names have them everywhere: Gitea and Forgejo write a team as `org:team`. */
function groupsIn(claims: Claims, { groupsClaim = "groups" }: ProviderSettings): readonly string[] {
  const value = claims[groupsClaim];
  if (!Array.isArray(value)) return [];
  return value
    .filter((group): group is string => typeof group === "string" && group !== "" && group.length <= 200)
    .slice(0, maxGroups)
    .map((group) => group.replace(":", "/"));
}
