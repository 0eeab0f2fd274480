import type { DiagnosticCodes, Findings } from "../diagnostics/index.ts";
import { documentCodes, shapeCodes } from "../schema/index.ts";

/**
 * Every code that a diagnostic about `OWNERS`, `OWNERS_ALIASES` and `CODEOWNERS` can have. A file with an error gives nobody any
 * right; with a warning, a part of it does not.
 */
export const ownersCodes = {
  ...documentCodes,
  ...shapeCodes,
  "invalid-filter": { severity: "warning", summary: "A filter of an OWNERS file is no expression of Go." },
  "invalid-pattern": { severity: "warning", summary: "A line of CODEOWNERS begins with no pattern." },
  "invalid-owner": { severity: "warning", summary: "A line of CODEOWNERS names what can own nothing." },
} as const satisfies DiagnosticCodes;

/** A code of {@link ownersCodes}. */
export type OwnersCode = keyof typeof ownersCodes;

export type OwnersFindings = Findings<OwnersCode>;
