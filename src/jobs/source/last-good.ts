import { type JobSurroundings, joined, judgeJobs } from "../judge-jobs.ts";
import type { JobDiagnostic, LocatedJob } from "../model.ts";
import type { JobList } from "../read.ts";
import type { JobFileProblem, ReadState } from "./model.ts";

/** Files of jobs, as they count: what is remembered from one look to the next. */
export interface CountedFiles {
  readonly jobs: readonly LocatedJob[];
  readonly diagnostics: readonly JobDiagnostic[];
  readonly problems: readonly JobFileProblem[];
  /** What each file said when it had no errors, and when that was. */
  readonly good: ReadonlyMap<string, GoodFile>;
}

interface GoodFile {
  readonly list: JobList;
  readonly read: ReadState;
}

/**
 * What counts of files as they are now. A file that has errors, in itself or together with others, counts as it was when it had none;
 * one that was never without counts with those of its jobs that are right. A file that is gone has no jobs.
 * @param lists by file.
 * @param read When and at which commit these were read.
 */
export function countFiles(
  lists: ReadonlyMap<string, JobList>,
  before: CountedFiles | undefined,
  read: ReadState,
  surroundings: JobSurroundings,
): CountedFiles {
  const judged = judgeJobs(joined([...lists.values()]), surroundings);
  const errors = errorsByFile(judged.diagnostics);
  const good = new Map<string, GoodFile>();
  const sound: JobList[] = [];
  const kept: JobList[] = [];
  for (const [file, list] of lists) {
    const counts = errors.has(file) ? before?.good.get(file) : { list, read };
    if (counts !== undefined) good.set(file, counts);
    if (!errors.has(file)) sound.push(list);
    else
      kept.push(counts?.list ?? { jobs: judged.jobs.filter((each) => each.file === file), diagnostics: [] });
  }
  // Of a job that has moved from a file with errors to one without, the new place counts.
  const { jobs } = judgeJobs(joined([...sound, ...kept]), surroundings);
  const known = new Map(before?.problems.map((problem) => [problem.file, problem]));
  const problems = Array.from(errors, ([file, diagnostics]): JobFileProblem => {
    const names = jobs.filter((each) => each.file === file).map(({ job }) => job.name);
    const first = known.get(file) ?? { since: read.at, commit: read.commit };
    const { since, commit } = first;
    return { file, since, commit, good: good.get(file)?.read, diagnostics, kept: names };
  });
  return { jobs: jobs.toSorted(byPlace), diagnostics: judged.diagnostics, problems, good };
}

function errorsByFile(diagnostics: readonly JobDiagnostic[]): ReadonlyMap<string, readonly JobDiagnostic[]> {
  const byFile = new Map<string, JobDiagnostic[]>();
  for (const found of diagnostics) {
    if (found.severity !== "error") continue;
    const known = byFile.get(found.file);
    if (known === undefined) byFile.set(found.file, [found]);
    else known.push(found);
  }
  return byFile;
}

function byPlace(one: LocatedJob, other: LocatedJob): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return one.line - other.line;
}
