import * as z from "zod/mini";
import { phrase } from "../../errors/index.ts";
import {
  type Answer,
  answerDetails,
  headerOf,
  isSuccess,
  isTransientStatus,
  NotYet,
  type Origin,
  TransientFailure,
  waitOf,
} from "../../http/index.ts";
import { jsonIn } from "../../oci/index.ts";
import type { Credential } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import { lastingReasonOf } from "./judge.ts";
import { readServerErrors } from "./server-text.ts";

/** A bearer token, and for how long it is good: milliseconds since the epoch. */
export interface Token {
  readonly value: string;
  readonly fetchedAt: number;
  readonly expiresAt: number;
}

/** Where tokens come from, as a registry named it. */
export interface TokenService {
  readonly realm: URL;
  readonly service: string | undefined;
}

/** Tokens are given up so many milliseconds before they end. */
const margin = 5_000;
/** Seconds: what a token without a stated life has, and the least that any is taken to have. */
const minLife = 60;

/** What is not as it should be counts as not there: a field that is needed is missed then, and no other one matters. */
const ifFit = <Schema extends z.ZodMiniType>(schema: Schema) => z.catch(z.optional(schema), undefined);
const tokenText = ifFit(z.string().check(z.maxLength(65_536), z.trim()));
const numberText = z.pipe(
  z.string().check(z.maxLength(32), z.regex(/^\s*-?\d+(\.\d+)?\s*$/)),
  z.transform(Number),
);
const answerSchema = z.object({
  token: tokenText,
  access_token: tokenText,
  /** A number of seconds; as text from some (https://github.com/distribution/distribution/issues/1746). */
  expires_in: ifFit(z.union([z.number(), numberText])),
  /** RFC 3339; from some, seconds since the epoch (https://github.com/moby/moby/issues/20970). */
  issued_at: ifFit(z.union([z.number(), numberText, z.string().check(z.maxLength(64))])),
});

/** Bytes of the answer with a token, and more. */
const maxAnswerBytes = 128 * 1024;

/**
 * Gets a token (Docker token authentication specification; for identity tokens its OAuth 2 variant). The credential goes
 * nowhere but into this request; without one the token is an anonymous visitor's.
 * @param where The registry, for messages.
 * @throws {RegistryError} when there is none.
 */
export async function fetchToken(
  ask: Origin<RequestKind>["ask"],
  where: string,
  service: TokenService,
  scopes: readonly string[],
  credential: Credential | undefined,
): Promise<Token> {
  const { url, ...request } = tokenRequest(service, scopes, credential);
  const direction = { url, kind: "token", where, about: scopes.join(" "), role: "token service" } as const;
  let asked = Date.now();
  const prepare = async () => {
    asked = Date.now();
    return request;
  };
  const answer = await ask(direction, prepare, maxAnswerBytes);
  if (isSuccess(answer)) return readToken(answer.bytes, asked, headerOf(answer, "date"), where);
  throw tokenRefusal(answer, url, where, credential);
}

function tokenRequest(
  { realm, service }: TokenService,
  scopes: readonly string[],
  credential: Credential | undefined,
) {
  const accept = "application/json";
  if (credential?.kind === "identity-token") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "waybill",
      ...(service !== undefined && { service }),
      scope: scopes.join(" "),
      refresh_token: credential.token,
    });
    const headers = { accept, "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url: realm, headers, body: form.toString() } as const;
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  const headers =
    credential?.kind === "basic" ? { accept, authorization: basicHeader(credential) } : { accept };
  return { method: "GET", url, headers } as const;
}

/**
 * The token in a token service's answer. It ends `expires_in` seconds after `issued_at` or, where the service does
 * not say when that was, after it was asked for; at least a minute is assumed, as the specification demands.
 * @param date The answer's `Date` header: what the service's clock says, which `issued_at` is compared with.
 * @throws {RegistryError} `unauthorized` when there is no token in it that could go into a header.
 */
export function readToken(body: Uint8Array, asked: number, date: string | undefined, where: string): Token {
  const answer = answerSchema.safeParse(parseJson(body)).data;
  const value = answer?.token || answer?.access_token || "";
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new RegistryError("unauthorized", "the token service answered without a usable token", {
      where,
      hint: `ask whoever runs the token service of ${where}, or what stands before it`,
    });
  }
  const life = (answer?.expires_in ?? minLife) * 1000;
  const age = Math.max(0, Date.parse(date ?? "") - issueOf(answer?.issued_at)) || 0;
  const left = Math.max(minLife * 1000, life - age);
  return { value, fetchedAt: asked, expiresAt: asked + left - margin };
}

/** When a token was issued, in milliseconds since the epoch; not a number where nobody says. */
function issueOf(issued: number | string | undefined): number {
  return typeof issued === "number" ? issued * 1000 : Date.parse(issued ?? "");
}

function tokenRefusal(
  answer: Answer,
  url: URL,
  where: string,
  credential: Credential | undefined,
): RegistryError | TransientFailure {
  const { status } = answer;
  const secrets = credential?.kind === "identity-token" ? [credential.token] : answer.secrets;
  const said = readServerErrors(answer.bytes, secrets);
  const words = { text: said === undefined ? "" : ` (${said.text})`, pattern: said?.codes.join(" ") ?? "" };
  const message = phrase`the token service ${url.origin} answered ${status}${words}`;
  const details = { ...answerDetails(answer), where };
  if (isTransientStatus(status) && lastingReasonOf(answer) === undefined) {
    if (status === 429) {
      return new NotYet(new RegistryError("rate-limited", message, details), waitOf(answer));
    }
    return new TransientFailure(new RegistryError("server-error", message, details), waitOf(answer));
  }
  if (status >= 300 && status < 400) {
    return new RegistryError(
      "unsafe-redirect",
      phrase`${message}, a redirect, which is not followed`,
      details,
    );
  }
  if (status !== 400 && status !== 401 && status !== 403) {
    return new RegistryError(status >= 500 ? "server-error" : "unexpected-response", message, details);
  }
  return new RegistryError("unauthorized", message, {
    ...details,
    hint:
      credential === undefined
        ? `there is no credential for it here; log in: waybill login ${where}`
        : `the credential from ${credential.source} was refused; log in again: waybill login ${where}`,
  });
}

const claimsSchema = z.object({
  access: z
    .array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) }))
    .check(z.maxLength(1_000)),
});

/**
 * Whether a token allows an action on a repository, as it says itself (Docker token authentication specification,
 * "Token Authentication Implementation": the claim `access`); `undefined` for one that is opaque. Services give less
 * than they are asked for without a word. Nobody's word is taken for it but that of the token, which is not verified.
 */
export function tokenAllows(token: string, path: string, action: string): boolean | undefined {
  const [, payload, ...rest] = token.split(".");
  if (payload === undefined || rest.length !== 1) return undefined;
  const claims = claimsSchema.safeParse(parseJson(Buffer.from(payload, "base64url"))).data;
  return claims?.access.some(
    ({ type, name, actions }) =>
      type === "repository" &&
      name === path &&
      actions.some((allowed) => allowed === action || allowed === "*"),
  );
}

/** The value of `Authorization` for a user name and password (RFC 7617). */
export function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function parseJson(body: Uint8Array): unknown {
  // Without a byte order mark, which some write.
  return jsonIn(new TextDecoder().decode(body));
}
