import type { Configuration } from "openid-client";
import * as z from "zod/mini";
import type { Secrets } from "../../secrets/index.ts";
import { AccessError } from "../errors.ts";
import type { ProviderFetch } from "../fetch.ts";
import type { ProviderSettings } from "../model.ts";
import { issuerOf, loginFailure, type Provider, readSecret } from "./provider.ts";

const userSchema = z.object({ id: z.number(), login: z.string(), name: z.nullish(z.string()) });
const orgsSchema = z.array(z.object({ login: z.string() }));
const teamsSchema = z.array(z.object({ slug: z.string(), organization: z.object({ login: z.string() }) }));

/** Pages of organizations or teams of one person beyond which nobody looks. */
const maxPages = 10;
const pageSize = 100;

/**
 * People by GitHub's OAuth, which knows no ID token: who it is, and the organizations and teams, are read with the token that the
 * login gives, and the token is forgotten.
 */
export function openGitHubProvider(
  settings: ProviderSettings,
  fetch: ProviderFetch,
  secrets: Secrets,
): Provider {
  const { name, clientId, clientSecret } = settings;

  async function configuration(): Promise<Configuration> {
    const client = await import("openid-client");
    const issuer = issuerOf(settings);
    const { origin } = issuer;
    const config = new client.Configuration(
      {
        issuer: settings.issuer,
        authorization_endpoint: `${origin}/login/oauth/authorize`,
        token_endpoint: `${origin}/login/oauth/access_token`,
      },
      clientId,
      await readSecret(clientSecret, secrets),
    );
    config[client.customFetch] = fetch;
    if (issuer.protocol === "http:") client.allowInsecureRequests(config);
    return config;
  }

  async function ask<T>(path: string, token: string, schema: z.ZodMiniType<T>): Promise<T> {
    const answer = await fetch(`${apiOf(issuerOf(settings))}${path}`, {
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token}`,
        "user-agent": "waybill",
        "x-github-api-version": "2022-11-28",
      },
    });
    const parsed = answer.ok ? schema.safeParse(await answer.json().catch(() => undefined)) : undefined;
    if (parsed?.success === true) return parsed.data;
    throw new AccessError("login-refused", `${name} does not say who it is: ${answer.status} for ${path}`, {
      status: answer.status,
      hint: "begin the login again",
    });
  }

  async function all<T>(path: string, token: string, schema: z.ZodMiniType<readonly T[]>): Promise<T[]> {
    const found: T[] = [];
    for (let page = 1; page <= maxPages; page += 1) {
      const items = await ask(`${path}?per_page=${pageSize}&page=${page}`, token, schema);
      found.push(...items);
      if (items.length < pageSize) break;
    }
    return found;
  }

  return {
    async begin(redirectUri) {
      try {
        const client = await import("openid-client");
        const verifier = client.randomPKCECodeVerifier();
        const state = client.randomState();
        const url = client.buildAuthorizationUrl(await configuration(), {
          redirect_uri: redirectUri,
          scope: "read:org",
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
          state,
        });
        return { url, pending: { state, verifier, nonce: "" } };
      } catch (error) {
        throw loginFailure(error, name);
      }
    },
    async finish(returned, { state, verifier }) {
      try {
        const client = await import("openid-client");
        const { access_token: token } = await client.authorizationCodeGrant(await configuration(), returned, {
          pkceCodeVerifier: verifier,
          expectedState: state,
        });
        const user = await ask("/user", token, userSchema);
        const orgs = await all("/user/orgs", token, orgsSchema);
        const teams = await all("/user/teams", token, teamsSchema);
        const shown =
          user.name === null || user.name === undefined || user.name === "" ? user.login : user.name;
        return {
          ...{ provider: name, issuer: settings.issuer },
          ...{ subject: String(user.id), login: user.login, shown: shown.slice(0, 200) },
          groups: [
            ...orgs.map(({ login }) => login),
            ...teams.map(({ slug, organization }) => `${organization.login}/${slug}`),
          ],
        };
      } catch (error) {
        throw loginFailure(error, name);
      }
    },
  };
}

function apiOf({ origin, hostname, host }: URL): string {
  if (hostname === "github.com") return "https://api.github.com";
  return hostname.endsWith(".ghe.com") ? `https://api.${host}` : `${origin}/api/v3`;
}
