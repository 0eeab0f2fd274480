import { type Diagnostic, type DiagnosticCode, diagnosticCodes } from "../manifest/index.ts";
import type { ReviewFinding } from "./review.ts";

/**
 * What is wrong with the manifests themselves. An error that the base did not have fails; one that it had is mentioned.
 * Lines move when a file is edited, so places do not count: the second of two like errors is a new one.
 */
export function judgeManifests(
  before: readonly Diagnostic[],
  after: readonly Diagnostic[],
): readonly ReviewFinding[] {
  const known = new Map<string, number>();
  for (const found of before) known.set(keyOf(found), (known.get(keyOf(found)) ?? 0) + 1);
  return after.flatMap((found): readonly ReviewFinding[] => {
    const count = known.get(keyOf(found)) ?? 0;
    known.set(keyOf(found), count - 1);
    const isOld = count > 0;
    if (isOld && found.severity === "info") return [];
    return [findingOf(found, isOld)];
  });
}

function keyOf({ code, file, message }: Diagnostic): string {
  return `${code} ${file} ${message}`;
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
