import type { Diagnostic } from "../../diagnostics/index.ts";
import { checkTree, type Selection, selectedFindings } from "../../edges/index.ts";
import { type DiagnosticCode, diagnosticCodes, foundSince, type ManifestTree } from "../../manifest/index.ts";
import type { Review, ReviewFinding } from "../review.ts";

/**
 * Judges what is wrong with the manifests themselves. An error that the base did not have fails; one that it had is
 * mentioned where the change touches its file, and counted where it does not, as is what is not selected.
 */
export function judgeManifests(
  before: ManifestTree,
  after: ManifestTree,
  selection: Selection | undefined,
): Pick<Review, "findings" | "outside"> {
  const { introduced, known } = foundSince(checked(before), checked(after));
  const all = [...introduced, ...known];
  const selected = new Set(
    selection === undefined ? all : selectedFindings({ ...after, diagnostics: all }, selection).within,
  );
  const isTouched = ({ file, related = [] }: Diagnostic): boolean =>
    [file, ...related.map((other) => other.file)].some(
      (name) => before.texts?.[name] !== after.texts?.[name],
    );
  const worthSaying = known.filter(({ severity }) => severity !== "info");
  const outside = [
    ...worthSaying.filter((found) => !isTouched(found) || !selected.has(found)),
    ...introduced.filter((found) => !selected.has(found)),
  ];
  const isSaid = (found: Diagnostic): boolean => isTouched(found) && selected.has(found);
  return {
    findings: [
      ...introduced.filter((found) => selected.has(found)).map((found) => findingOf(found, false)),
      ...worthSaying.filter(isSaid).map((found) => findingOf(found, true)),
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

function findingOf({ code, severity, ...found }: Diagnostic, isOld: boolean): ReviewFinding {
  return {
    severity: severity === "error" && !isOld ? "fails" : "mentions",
    code: isDiagnosticCode(code) ? code : "unreadable-file",
    ...found,
    ...(isOld ? { isOld } : {}),
  };
}

function isDiagnosticCode(code: string): code is DiagnosticCode {
  return Object.hasOwn(diagnosticCodes, code);
}
