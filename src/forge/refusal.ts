import type { FailureDetails } from "../errors/index.ts";
import { jsonIn } from "../oci/index.ts";
import { ForgeError, type ForgeErrorCode } from "./errors.ts";
import type { ForgeKind } from "./forge.ts";
import { said } from "./said.ts";

/** An answer that is no success, and what was asked. */
export interface Refused {
  readonly kind: ForgeKind;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly requestId: string | undefined;
  /** What must not be in a message, whoever says it. */
  readonly secrets: readonly string[];
  readonly known: boolean;
}

/** A {@link ForgeError} that stands for an answer, which those who asked may understand better. */
export class ForgeRefusal extends ForgeError {
  override readonly status: number;
  readonly headers: Headers;
  /** What the forge said, all of its lines as one. */
  readonly reason: string;

  constructor(
    code: ForgeErrorCode,
    message: string,
    details: FailureDetails,
    refused: Refused,
    reason: string,
  ) {
    super(code, message, details);
    this.status = refused.status;
    this.headers = refused.headers;
    this.reason = reason;
  }
}

/** Why something was refused, in the forge's words where it has any. */
export function reasonOf(error: ForgeError): string {
  return error instanceof ForgeRefusal ? error.reason : error.message;
}

/** Why something was refused, and what to do about it, as one text. */
export function reasonAndHint(error: ForgeError): string {
  return error.hint === undefined ? reasonOf(error) : `${reasonOf(error)}; ${error.hint}`;
}

const names: Readonly<Record<ForgeKind, string>> = { github: "GitHub", gitlab: "GitLab", gitea: "Gitea" };

/** What an answer that is no success means, with what to do about it. */
export function refusalOf(refused: Refused): ForgeRefusal {
  const { host, method, path, status } = refused;
  const reason = reasonIn(refused);
  const asked = `${method} ${said(path, refused.secrets)}`;
  const [code, hint] = meaningOf(refused, reason);
  const message =
    code === "unreachable"
      ? `${host} fails at ${asked} (${status}): ${reason}`
      : `${host} refuses ${asked} (${status}): ${reason}`;
  return new ForgeRefusal(
    code,
    message,
    { where: host, hint, status, requestId: refused.requestId },
    refused,
    reason,
  );
}

function meaningOf(refused: Refused, reason: string): readonly [ForgeErrorCode, string | undefined] {
  const { kind, status } = refused;
  if (status === 401) return unauthorized(refused, reason);
  if (status === 403) return ["forbidden", missingRight(refused, reason)];
  if (status === 404) {
    const hint = refused.known
      ? `look at its name; ${names[kind]} says the same of what the token may not see`
      : "look at its name; without a token, what is private looks absent";
    return ["not-found", hint];
  }
  if (status >= 500) return ["unreachable", "try again later; nothing says that it is your fault"];
  if (status < 400) return ["unexpected-answer", "name the host by the name that it goes by now"];
  return ["refused", undefined];
}

function unauthorized({ kind, known }: Refused, reason: string): readonly [ForgeErrorCode, string] {
  if (!known) return ["token-missing", tokenHints[kind]];
  // GitLab refuses a token with too few scopes by 403, and one that has run out by 401.
  if (/expired|revoked/i.test(reason)) return ["token-refused", `the token has run out; ${tokenHints[kind]}`];
  return ["token-refused", `the token is not one of this host, or no longer; ${tokenHints[kind]}`];
}

const tokenHints: Readonly<Record<ForgeKind, string>> = {
  github:
    "make one with the rights to contents, pull requests and commit statuses, or log in with gh auth login",
  gitlab: "make a personal or project access token with the scope api, or log in with glab auth login",
  gitea: "make one with the scopes write:repository, write:issue and read:user, or log in with tea login add",
};

/** Which right a 403 says is missing, in the words that each forge has for it. */
function missingRight({ kind, headers }: Refused, reason: string): string {
  if (kind === "github") return missingAtGitHub(headers, reason);
  if (kind === "gitlab") {
    return /insufficient_scope|higher privileges/i.test(reason)
      ? "the token has not the scope for it: make one with the scope api"
      : "the token's user or role has not the right: Developer in the project that is written to is needed";
  }
  const scopes = /required=?\s*(?:scope\(s\))?:?\s*\[([^\]]+)\]/i.exec(reason);
  const named = scopes?.[1];
  return named === undefined
    ? "the token's user has not the right: make it a collaborator who may write"
    : `the token has not the scope for it: make one with ${named.trim()}`;
}

function missingAtGitHub(headers: Headers, reason: string): string {
  const sso = /url=(https:\/\/[^\s;,]+)/.exec(headers.get("x-github-sso") ?? "")?.[1];
  if (sso !== undefined)
    return `the organization asks for single sign-on: authorize the token at ${said(sso, [])}`;
  const permissions = headers.get("x-accepted-github-permissions");
  if (permissions) return `the token has not the permission for it: give it ${said(permissions, [])}`;
  const accepted = scopesOf(headers.get("x-accepted-oauth-scopes"));
  const held = scopesOf(headers.get("x-oauth-scopes"));
  if (accepted.length > 0 && !accepted.some((scope) => held.includes(scope))) {
    return `the token has not the scope for it: make one with ${accepted.join(" or ")}`;
  }
  if (/resource not accessible/i.test(reason)) {
    return "give the token write rights to contents, pull requests and commit statuses of this repository; in a workflow, by permissions:";
  }
  return "the token's user has not the right: write access to the repository is needed";
}

function scopesOf(header: string | null): readonly string[] {
  const scopes = (header ?? "").split(",").map((scope) => scope.trim());
  return scopes.filter((scope) => /^[\w:-]{1,40}$/.test(scope));
}

/** What the body of an answer gives as the reason. The three say it in a dozen shapes, all of them texts in a tree. */
function reasonIn({ text, headers, secrets }: Refused): string {
  const json = jsonIn(text);
  if (json === undefined) {
    const isPage = /html/i.test(headers.get("content-type") ?? "") || /^\s*</.test(text);
    return isPage || text.trim() === "" ? "it gives no reason" : said(text, secrets);
  }
  const record =
    typeof json === "object" && json !== null ? (json as Record<string, unknown>) : { message: json };
  const lines = ["message", "error", "error_description", "errors"].flatMap((key) => textsOf(record[key], 0));
  const shown = said([...new Set(lines)].join("; "), secrets);
  return shown === "" ? "it gives no reason" : shown;
}

function textsOf(value: unknown, depth: number): string[] {
  if (typeof value === "string") return value === "" ? [] : [value.slice(0, 2000)];
  if (depth > 3 || typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.slice(0, 20).flatMap((item) => textsOf(item, depth + 1));
  const record = value as Record<string, unknown>;
  if (typeof record.message === "string") return textsOf(record.message, depth);
  // GitHub names the field that is wrong and a code for why.
  if (typeof record.field === "string") return [`${record.field}: ${String(record.code)}`];
  return Object.entries(record)
    .slice(0, 20)
    .flatMap(([key, item]) => textsOf(item, depth + 1).map((text) => `${key}: ${text}`));
}
