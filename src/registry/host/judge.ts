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
import { kinds } from "./kinds.ts";
import { readServerErrors, type ServerErrors } from "./server-text.ts";

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

/** Why another attempt will fare no better: there is no room, nothing may be written now, or it is not to be had. */
export type LastingReason = "full" | "read-only" | "refused";

/** Codes of the distribution specification, and of registries, that are about what was asked for. */
const refusing =
  /^(?:DENIED|FORBIDDEN|UNSUPPORTED|NOT_IMPLEMENTED|NAME_INVALID|TAG_INVALID|SIZE_INVALID|MANIFEST_INVALID|MANIFEST_UNVERIFIED)$|IMMUTABLE|POLICY/;
const full =
  /quota|no space left|(?:out of|not enough|insufficient) (?:disk )?(?:space|storage)|disk (?:is )?full|storage (?:limit|is full)/i;
const readOnly = /read[-_ ]?only/i;
const refused =
  /unsupported|not supported|not implemented|immutable|cannot be overwritten|not allowed|denied|forbidden/i;
/** What is said of requests that are too many for a while, and of what will be over soon. */
const passing = /\brate\b|too many|per (?:second|minute|hour)|try again|retry|temporar/i;

/**
 * Whether a registry says with a server's error that something is so for good. Many answer 500 to whatever their
 * storage or a policy will not have; what it is stands in the body. A reason that nobody gives is taken to pass.
 */
function lastingReason(status: number, said: ServerErrors | undefined): LastingReason | undefined {
  if (status < 500 || said === undefined || passing.test(said.text)) return undefined;
  if (full.test(said.text)) return "full";
  if (readOnly.test(said.text)) return "read-only";
  return said.codes.some((code) => refusing.test(code)) || refused.test(said.text) ? "refused" : undefined;
}

/**
 * Whether a 404 is not the registry's own: registries say in JSON what they do not have, or nothing at all; a page is
 * from what stands in front of one, such as a load balancer that knows no server behind it for the time being.
 */
export function isForeignPage({ status, bytes }: Pick<Answer, "status" | "bytes">): boolean {
  if (status !== 404) return false;
  const text = Buffer.from(bytes).toString("utf8").trim();
  return text !== "" && !/^[[{]/.test(text);
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
