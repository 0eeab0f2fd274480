import type { Readable } from "node:stream";
import type { FailureDetails } from "../errors/index.ts";
import { withoutSecrets } from "./redaction.ts";

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
  readonly isEmpty: boolean;
}

/** Bytes of an answer that is no success, or of one that says no more than its status. */
export const smallBody = 64 * 1024;

/** The first value of a header. */
export function headerOf({ headers }: Pick<AnswerHead, "headers">, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** Headers by which servers name a request: the usual one, Amazon's, Microsoft's, GitHub's, Google's storage. */
const requestIds = [
  "x-request-id",
  "x-amzn-requestid",
  "x-amz-request-id",
  "x-ms-correlation-request-id",
  "x-ms-request-id",
  "x-github-request-id",
  "x-guploader-uploadid",
];

/** What a failure carries of the answer that it stands for. */
export function answerDetails(
  answer: Pick<AnswerHead, "status" | "headers" | "secrets">,
): Pick<FailureDetails, "status" | "requestId"> {
  const stated = requestIds.map((name) => headerOf(answer, name)).find((id) => id !== undefined) ?? "";
  const isFit = /^[\w.:/+=|-]{1,200}$/.test(stated) && withoutSecrets(stated, answer.secrets) === stated;
  return { status: answer.status, requestId: isFit ? stated : undefined };
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
