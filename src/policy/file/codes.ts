import type { DiagnosticCodes } from "../../diagnostics/index.ts";
import { documentCodes, shapeCodes } from "../../schema/index.ts";

/** Every code that a diagnostic about a policy file can have. */
export const policyCodes = {
  ...documentCodes,
  ...shapeCodes,
  "unknown-signer": { severity: "error", summary: "A rule names a signer that there is not." },
  "unknown-rule": { severity: "error", summary: "An exception is from a rule that there is not." },
  "duplicate-rule": { severity: "error", summary: "Two rules have the same name." },
  "too-many-demands": { severity: "error", summary: "A policy file demands more than anybody reads." },
  "exception-over": { severity: "error", summary: "An exception from a policy is over." },
  "exception-holds": { severity: "info", summary: "An exception from a policy holds." },
} as const satisfies DiagnosticCodes;
