import type { Report } from "./report.ts";
import { type EdgeState, reportedWords } from "./verdicts.ts";

/** What became of all edges of a promotion, counted, in a line. @param words How some of them are called, where not as usual. */
export function sumsOf(
  { counts, manifestErrors, dryRun, since }: Report,
  words: Partial<Readonly<Record<EdgeState, string>>> = {},
): string {
  const { present, ...others } = reportedWords;
  const names: Readonly<Record<EdgeState, string>> = {
    done: "done",
    pending: dryRun ? "to do" : "not begun",
    present,
    failed: "failed",
    ...others,
    ...words,
  };
  const parts = (Object.keys(names) as EdgeState[])
    .filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${names[state]}`);
  const errors = manifestErrors.length;
  if (errors > 0) parts.push(`${errors} ${errors === 1 ? "error" : "errors"} in the manifests`);
  if (parts.length > 0) return parts.join(", ");
  return since === undefined ? "nothing is asked for" : "nothing more is asked for";
}
