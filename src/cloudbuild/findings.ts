import { type Diagnostic, type DiagnosticCodes, Findings, inOneError } from "../diagnostics/index.ts";
import { WaybillError } from "../errors/index.ts";
import { documentCodes, shapeCodes } from "../schema/index.ts";

/** Every code that a diagnostic about a Cloud Build file can have. With an error there is nothing to build. */
export const cloudBuildCodes = {
  ...documentCodes,
  ...shapeCodes,
  "unknown-key": {
    severity: "warning",
    summary: "A field is not one that is known of a build: Google adds fields, and the file may be right.",
  },
  "scalar-for-list": {
    severity: "warning",
    summary: "A text stands where a list is needed: it is read as a list of one.",
  },
  unquoted: {
    severity: "warning",
    summary: "A number, boolean or null stands where Google's tools want a text in quotes.",
  },
  limit: { severity: "error", summary: "There is more of something than Google's service takes." },
  "script-with-args": { severity: "error", summary: "A step has a script beside args or an entrypoint." },
  "script-reference": {
    severity: "warning",
    summary: "A script asks for a substitution, and in scripts none are made.",
  },
  "invalid-substitution": { severity: "error", summary: "A substitution has a key or value that is none." },
  "unknown-built-in": {
    severity: "error",
    summary: "$KEY is no built-in substitution, and none of the user's.",
  },
  "no-value": { severity: "error", summary: "$_KEY has no value." },
  unused: { severity: "error", summary: "A substitution has a value that nothing asks for." },
  expansion: { severity: "error", summary: "A parameter expansion is not understood, or cannot be made." },
  cycle: { severity: "error", summary: "Values refer to each other in a circle." },
  "invalid-image": { severity: "error", summary: "A name is none that an image can have." },
  "invalid-environment": { severity: "error", summary: "A variable has no name or value, or two." },
  secret: { severity: "error", summary: "A secret is asked for and not named, or named twice." },
  "step-id": { severity: "error", summary: "The id of a step is reserved, or that of another one." },
  "step-order": { severity: "error", summary: "A step waits for one that is not there before it." },
  timeout: { severity: "error", summary: "A timeout is longer than what it is in." },
  volume: { severity: "error", summary: "A volume has a name or path that is none, or is used once." },
  artifacts: { severity: "error", summary: "Artifacts would be kept where nothing can be kept." },
} as const satisfies DiagnosticCodes;

/** A code of {@link cloudBuildCodes}. */
export type CloudBuildCode = keyof typeof cloudBuildCodes;

export type CloudBuildFindings = Findings<CloudBuildCode>;

/** More than anybody reads; a hostile file could have a million. */
const maxDiagnostics = 500;

/** Collects what is wrong with a file; without its text, by places alone. */
export function findingsOf(file: string, text = ""): CloudBuildFindings {
  return new Findings(text, file, cloudBuildCodes, maxDiagnostics);
}

/** Why a Cloud Build file could not be used. */
export type CloudBuildErrorCode = "cloudbuild-invalid";

/** A Cloud Build file that cannot be built; `diagnostics` holds everything that is wrong with it. */
export class CloudBuildError extends WaybillError<CloudBuildErrorCode> {
  override readonly name = "CloudBuildError";
  /** In the order of the file; at least one is an error. */
  readonly diagnostics: readonly Diagnostic[];

  /** @param file how messages name the file. */
  constructor(file: string, diagnostics: readonly Diagnostic[]) {
    const { message, ...details } = inOneError(diagnostics, file);
    super("cloudbuild-invalid", message, details);
    this.diagnostics = diagnostics;
  }
}
