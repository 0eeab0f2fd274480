import {
  type Answer,
  type AnswerHead,
  type Direction,
  isTransientStatus,
  type Passing,
  type Trouble,
  waitOf,
} from "../../http/index.ts";
import type { RegistryErrorCode } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import { isForeignPage } from "./foreign-page.ts";
import { kinds } from "./kinds.ts";
import { type LastingReason, lastingReason } from "./lasting.ts";
import { readServerErrors } from "./server-text.ts";

/** Kinds of requests that a 404 answers by itself, whoever says it: a registry need not have what they are for. */
const optional: ReadonlySet<RequestKind> = new Set(["referrers", "mount", "upload-status", "upload-cancel"]);
/** A page in the registry's place: it may be gone soon, and a registry that is not there shows soon. */
const foreignPage: Passing = {
  reason: "a page that is not the registry's (404)",
  fault: "unexpected-response",
  retryAfter: undefined,
  isNotYet: false,
  maxRetries: 3,
};

/**
 * Whether the answer to a kind of request may be another one the next time: a page of somebody else, or a status that
 * passes, unless the registry says that it will not.
 * @param isOwn Whether the registry itself gave it, not a place that it sends us to.
 */
export function judgeOf(answer: Answer, kind: RequestKind, isOwn: boolean): Passing | undefined {
  const { status } = answer;
  if (isOwn && !optional.has(kind) && isForeignPage(answer)) return foreignPage;
  if (!isTransientStatus(status)) return undefined;
  const retryAfter = waitOf(answer);
  if (retryAfter === undefined && lastingReasonOf(answer) !== undefined) return undefined;
  return { reason: `status ${status}`, fault: faultOf(status), retryAfter, isNotYet: status === 429 };
}

/** Why a failed request had better not be sent again, where the registry says so. */
export function lastingReasonOf({ status, bytes, secrets }: Answer): LastingReason | undefined {
  return lastingReason(status, readServerErrors(bytes, secrets));
}

/** What a status that may pass is called where failures are counted. */
export function faultOf(status: number): RegistryErrorCode {
  if (status === 429) return "rate-limited";
  return status === 408 ? "timeout" : "server-error";
}

/** Statuses by which what stands before a registry says that nothing is behind it. */
const gateway: ReadonlySet<number> = new Set([502, 503, 504]);

/**
 * Whether an answer may say of its host that it gives none at all now: a server's error that passes. What is written may
 * be refused with one for good, so there only the statuses of a gateway count.
 */
export function troubleOf(
  { status }: AnswerHead,
  { kind, where, about = where }: Direction<RequestKind>,
): Trouble | undefined {
  if (status < 500 || !isTransientStatus(status)) return undefined;
  if (kinds[kind].operation.endsWith("-write") && !gateway.has(status)) return undefined;
  return { about, status };
}
