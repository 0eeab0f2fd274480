import type { Readable } from "node:stream";

/** What is known of an answer before its body. */
export interface AnswerHead {
  readonly status: number;
  /** Who gave it: the registry's own origin, or another one where it sent us. */
  readonly from: URL;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What the request carried that no message may show. */
  readonly secrets: readonly string[];
}

/** An answer with its whole body; of an answer that is no success, the first 64 KiB. */
export interface Answer extends AnswerHead {
  readonly bytes: Uint8Array;
}

/** An answer whose body is still to come. */
export interface StreamedAnswer extends AnswerHead {
  /** To be read or destroyed: it holds the request's permit until then. */
  readonly body: Readable;
  /** Nothing is to come. */
  readonly isEmpty: boolean;
}

/** Bytes of an answer that is no success, or of one that says no more than its status. */
export const smallBody = 64 * 1024;

/** The first value of a header. */
export function headerOf({ headers }: Pick<AnswerHead, "headers">, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** Whether a status says that what was asked for was done. */
export function isSuccess({ status }: Pick<AnswerHead, "status">): boolean {
  return status >= 200 && status < 300;
}

/** What an `Authorization` header gives away, in all its forms. */
export function secretsIn(authorization: string | undefined): readonly string[] {
  const [scheme, value] = authorization?.split(" ") ?? [];
  if (scheme === undefined || value === undefined) return [];
  if (scheme !== "Basic") return [value];
  const decoded = Buffer.from(value, "base64").toString("utf8");
  return [value, decoded.slice(decoded.indexOf(":") + 1)];
}
