import type { ServerErrors } from "./server-text.ts";

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
export function lastingReason(status: number, said: ServerErrors | undefined): LastingReason | undefined {
  if (status < 500 || said === undefined || passing.test(said.text)) return undefined;
  if (full.test(said.text)) return "full";
  if (readOnly.test(said.text)) return "read-only";
  return said.codes.some((code) => refusing.test(code)) || refused.test(said.text) ? "refused" : undefined;
}
