import { z } from "zod";
import type { Credential, CredentialStore } from "../credential.ts";
import { RegistryError } from "../errors.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Endpoint } from "./endpoint.ts";
import { judgeRealm } from "./realm.ts";

/** What a request is to be allowed: repositories of one host with what is done in them. */
export interface Scope {
  readonly path: string;
  readonly actions: "pull" | "pull,push" | "delete";
}

/** Asks a token service; gives the body of its answer. */
export type AskTokenService = (
  url: URL,
  options: { authorization?: string; form?: string },
) => Promise<string>;

export interface Authorizer {
  /** The value of `Authorization` for a request, as far as it is known without asking the registry. */
  header(scopes: readonly Scope[]): Promise<string | undefined>;
  /** Learns from a 401; whether the request should be tried again with a new {@link Authorizer.header}. */
  challenged(
    header: string | readonly string[] | undefined,
    scopes: readonly Scope[],
    used: string | undefined,
  ): Promise<boolean>;
  /** Where the credential for a path came from, for messages. */
  sourceOf(path: string): Promise<string | undefined>;
}

interface Token {
  readonly value: string;
  readonly expiresAt: number;
}

type Known =
  | { readonly scheme: "none" }
  | { readonly scheme: "basic" }
  | { readonly scheme: "bearer"; readonly realm: URL; readonly service: string | undefined };

const tokenSchema = z.object({
  token: z.string().min(1).max(65_536).optional(),
  access_token: z.string().min(1).max(65_536).optional(),
  expires_in: z.number().optional(),
});

/** Tokens are asked for again so many milliseconds before they end. */
const margin = 10_000;
const shortestLife = 60;

export function createAuthorizer(
  endpoint: Endpoint,
  tokenOrigins: readonly string[],
  store: CredentialStore,
  ask: AskTokenService,
): Authorizer {
  let known: Known = { scheme: "none" };
  const tokens = new Map<string, Promise<Token>>();

  const lookup = (path: string): Promise<Credential | undefined> => store.lookup(endpoint.host, path);

  const fetchToken = async (
    bearer: Known & { scheme: "bearer" },
    scopes: readonly Scope[],
  ): Promise<Token> => {
    const [first] = scopes;
    const credential = await lookup(first?.path ?? "");
    const names = scopes.map(({ path, actions }) => `repository:${path}:${actions}`);
    const asked = Date.now();
    let text: string;
    if (credential?.kind === "identity-token") {
      const form = new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: credential.token,
        client_id: "waybill",
      });
      if (bearer.service !== undefined) form.set("service", bearer.service);
      form.set("scope", names.join(" "));
      text = await ask(bearer.realm, { form: form.toString() });
    } else {
      const url = new URL(bearer.realm);
      if (bearer.service !== undefined) url.searchParams.set("service", bearer.service);
      for (const name of names) url.searchParams.append("scope", name);
      const authorization = credential?.kind === "basic" ? basicHeader(credential) : undefined;
      text = await ask(url, authorization === undefined ? {} : { authorization });
    }
    const parsed = tokenSchema.safeParse(parseJson(text));
    const value = parsed.data?.token ?? parsed.data?.access_token;
    if (value === undefined || !/^[\x21-\x7e]+$/.test(value)) {
      throw new RegistryError("unauthorized", "the token service answered without a token", {
        where: endpoint.host,
      });
    }
    const life = Math.max(shortestLife, parsed.data?.expires_in ?? shortestLife);
    return { value, expiresAt: asked + life * 1000 - margin };
  };

  const keyOf = (scopes: readonly Scope[]): string =>
    scopes.map(({ path, actions }) => `${path} ${actions}`).join("\n");

  const token = async (bearer: Known & { scheme: "bearer" }, scopes: readonly Scope[]): Promise<Token> => {
    const key = keyOf(scopes);
    const held = await tokens.get(key)?.catch(() => undefined);
    if (held !== undefined && held.expiresAt > Date.now()) return held;
    const fetched = fetchToken(bearer, scopes);
    tokens.set(key, fetched);
    fetched.catch(() => tokens.delete(key));
    return fetched;
  };

  const choose = (challenges: readonly Challenge[]): Known | undefined => {
    const bearer = challenges.find(
      ({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"),
    );
    if (bearer !== undefined) {
      const rules = { registry: endpoint.origin, tokenOrigins };
      const judged = judgeRealm(bearer.parameters.get("realm") ?? "", rules);
      if ("fault" in judged) {
        throw new RegistryError("unsafe-realm", `the registry names a token service that ${judged.fault}`, {
          where: endpoint.host,
          hint: "if it is really the registry's, name its origin under tokenOrigins of this host in waybill.yaml",
        });
      }
      return { scheme: "bearer", realm: judged.url, service: bearer.parameters.get("service") };
    }
    return challenges.some(({ scheme }) => scheme === "basic") ? { scheme: "basic" } : undefined;
  };

  return {
    async header(scopes) {
      const credential = known.scheme === "none" ? undefined : await lookup(scopes[0]?.path ?? "");
      if (credential?.kind === "registry-token") return `Bearer ${credential.token}`;
      if (known.scheme === "bearer") return `Bearer ${(await token(known, scopes)).value}`;
      if (known.scheme === "basic" && credential?.kind === "basic") return basicHeader(credential);
      return undefined;
    },
    async challenged(header, scopes, used) {
      const found = choose(parseChallenges(header));
      if (found === undefined) return false;
      const first = known.scheme !== found.scheme;
      known = found;
      if (found.scheme === "bearer") {
        // A token that was refused is not used again; one that was never tried deserves its try.
        const held = await tokens.get(keyOf(scopes))?.catch(() => undefined);
        if (held !== undefined && used === `Bearer ${held.value}`) tokens.delete(keyOf(scopes));
        return (
          first ||
          used === undefined ||
          held === undefined ||
          used !== `Bearer ${held.value}` ||
          held.expiresAt < Date.now() + margin
        );
      }
      if (used !== undefined) return false;
      const credential = await lookup(scopes[0]?.path ?? "");
      return credential !== undefined && credential.kind !== "identity-token";
    },
    async sourceOf(path) {
      return (await lookup(path).catch(() => undefined))?.source;
    },
  };
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
