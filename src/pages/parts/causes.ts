import type { RunDocument } from "../../server/index.ts";

/** Runs that failed for the same reason, as far as their summaries say. */
export interface FailureGroup {
  /** Of the newest. */
  readonly summary: string;
  /** The newest first. */
  readonly runs: readonly RunDocument[];
  readonly jobs: readonly string[];
}

/** What differs between two failures for one reason: hashes, numbers, names in quotation marks. */
const particular = /"[^"]*"|\b[0-9a-f]{7,}\b|\d+/g;

/** Puts failures of one reason together, that with the newest run first. */
export function groupFailures(runs: readonly RunDocument[]): readonly FailureGroup[] {
  const groups = new Map<string, RunDocument[]>();
  for (const run of runs) {
    const key = (run.summary ?? `run ${run.id}`).replace(particular, "*");
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [run]);
    else known.push(run);
  }
  return [...groups.values()].map((runs) => ({
    summary: runs[0]?.summary ?? "",
    runs,
    jobs: [...new Set(runs.map(({ job }) => job))],
  }));
}
