import { presentable } from "../credentials-redaction.ts";

/** Query strings: the signatures of storage URLs are in them. */
const query = /\?[^\s"'<>]*=[^\s"'<>]*/g;

/** Characters that change how text around them is shown. */
const invisible = /[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text of the outside, fit for a message: one line, bounded, no control characters, no secrets, no signed URLs. */
export function shownText(text: string, secrets: readonly string[]): string {
  return presentable(text.replaceAll(query, "?…").replaceAll(invisible, ""), secrets);
}

/** What a registry says went wrong. */
export interface ServerErrors {
  readonly codes: readonly string[];
  /** Code and message of the first ones, fit for a message. */
  readonly text: string;
}

const mostShown = 3;

/**
 * The errors in an answer's body (distribution specification, "Error Codes"), or `undefined` when the body is no such
 * document.
 */
export function readServerErrors(body: Uint8Array, secrets: readonly string[]): ServerErrors | undefined {
  const errors = errorsOf(body);
  if (errors.length === 0) return undefined;
  const text = errors.slice(0, mostShown).map(({ code, message }) => `${code} ${message}`.trim());
  return { codes: errors.map(({ code }) => code), text: shownText(text.join("; "), secrets) };
}

/** Whether an answer says that a TLS port was spoken to in plain HTTP, as Go's and nginx's servers do. */
export function saysPlainHttp(status: number, body: Uint8Array): boolean {
  return (
    status === 400 &&
    /HTTP request (?:was sent )?to (?:an )?HTTPS/i.test(Buffer.from(body).toString("latin1"))
  );
}

function errorsOf(body: Uint8Array): { code: string; message: string }[] {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return [];
  }
  if (typeof json !== "object" || json === null || !("errors" in json) || !Array.isArray(json.errors))
    return [];
  const string = (value: unknown) => (typeof value === "string" ? value : "");
  return json.errors.slice(0, 100).flatMap((error: unknown) => {
    if (typeof error !== "object" || error === null) return [];
    const { code, message } = error as { code?: unknown; message?: unknown };
    return [{ code: string(code).slice(0, 64), message: string(message) }];
  });
}
