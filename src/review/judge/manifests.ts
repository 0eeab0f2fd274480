import type { Diagnostic } from "../../diagnostics/index.ts";
import { checkTree } from "../../edges/index.ts";
import { type DiagnosticCode, diagnosticCodes, foundSince, type ManifestTree } from "../../manifest/index.ts";
import type { Review, ReviewFinding } from "../review.ts";

/** What is wrong with the manifests themselves. */
export interface JudgedManifests {
  readonly findings: readonly ReviewFinding[];
  /** What was so before in files that the change does not touch. */
  readonly outside: Review["outside"];
}

/**
 * Judges what is wrong with the manifests themselves. An error that the base did not have fails; one that it had is
 * mentioned where the change touches its file, and counted where it does not.
 */
export function judgeManifests(before: ManifestTree, after: ManifestTree): JudgedManifests {
  const { introduced, known } = foundSince(checked(before), checked(after));
  const isTouched = ({ file, related = [] }: Diagnostic): boolean =>
    [file, ...related.map((other) => other.file)].some(
      (name) => before.texts?.[name] !== after.texts?.[name],
    );
  const worthSaying = known.filter(({ severity }) => severity !== "info");
  const outside = worthSaying.filter((found) => !isTouched(found));
  return {
    findings: [
      ...introduced.map((found) => findingOf(found, false)),
      ...worthSaying.filter(isTouched).map((found) => findingOf(found, true)),
    ],
    outside: {
      errors: outside.filter(({ severity }) => severity === "error").length,
      warnings: outside.filter(({ severity }) => severity === "warning").length,
    },
  };
}

/** A tree with what can only be seen when looking at all of it. */
function checked(tree: ManifestTree): ManifestTree {
  return { ...tree, diagnostics: checkTree(tree).diagnostics };
}

function findingOf(
  { code, severity, message, hint, file, at, related }: Diagnostic,
  isOld: boolean,
): ReviewFinding {
  return {
    severity: severity === "error" && !isOld ? "fails" : "mentions",
    code: isDiagnosticCode(code) ? code : "unreadable-file",
    message,
    ...(hint === undefined ? {} : { hint }),
    file,
    ...(at === undefined ? {} : { at: { line: at.line, column: at.column } }),
    ...(isOld ? { isOld } : {}),
    ...(related === undefined
      ? {}
      : {
          related: related.map((other) => ({
            file: other.file,
            message: other.message,
            ...(other.at === undefined ? {} : { at: { line: other.at.line, column: other.at.column } }),
          })),
        }),
  };
}

function isDiagnosticCode(code: string): code is DiagnosticCode {
  return Object.hasOwn(diagnosticCodes, code);
}
