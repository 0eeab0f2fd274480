import type { JobSurroundings } from "../judge-jobs.ts";
import { type JobList, parseJobs } from "../read.ts";
import { openDiskFolder } from "./disk-folder.ts";
import type { FileText } from "./job-folder.ts";
import { type CountedFiles, countFiles } from "./last-good.ts";
import type { JobSet, JobSource, JobSourceTrouble } from "./model.ts";
import { openTrustedBranch, type TrustedBranch } from "./trusted-branch.ts";

/** What jobs are judged by, and the time. */
export interface JobSourceOptions extends JobSurroundings {
  readonly now?: (() => Date) | undefined;
}

/**
 * Jobs that are looked at again and again: those of a folder of this machine, or of a branch that is trusted. Of a branch, Git's objects
 * are read, and nothing of it is run; only what is merged there counts, so a proposal that changes jobs changes none. Nothing is
 * read before the first look.
 */
export function openJobSource(
  place: TrustedBranch | { readonly folder: string },
  { now = () => new Date(), ...surroundings }: JobSourceOptions = {},
): JobSource {
  const folder = "repository" in place ? openTrustedBranch(place) : openDiskFolder(place.folder);
  let commit: string | undefined;
  let counted: CountedFiles | undefined;
  let trouble: JobSourceTrouble | undefined;
  let parsed: ReadonlyMap<string, ParsedFile> = new Map();
  let looking: Promise<JobSet> | undefined;

  const look = async (): Promise<JobSet> => {
    const { found, trouble: seen } = await folder.read(commit);
    const at = now();
    trouble = seen && { ...seen, since: seen.code === trouble?.code ? trouble.since : at };
    if (found !== undefined) {
      const files = Array.from(
        found.texts,
        ([file, text]) => [file, parsedFile(file, text, parsed)] as const,
      );
      parsed = new Map(files);
      const read = { at, commit: found.commit };
      counted = countFiles(
        new Map(files.map(([file, { list }]) => [file, list])),
        counted,
        read,
        surroundings,
      );
      commit = found.commit;
    }
    const { jobs = [], diagnostics = [], problems = [] } = counted ?? {};
    return { where: folder.where, commit, jobs, diagnostics, problems, trouble };
  };

  return {
    where: folder.where,
    look() {
      // Of two looks at the same time, each would remember what the other one has not seen.
      looking ??= look().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    accept: (rewritten) => folder.accept(rewritten),
  };
}

interface ParsedFile {
  readonly text: FileText;
  readonly list: JobList;
}

function parsedFile(file: string, text: FileText, known: ReadonlyMap<string, ParsedFile>): ParsedFile {
  const before = known.get(file);
  if (typeof text !== "string") {
    const { code, message, hint } = text;
    return { text, list: { jobs: [], diagnostics: [{ code, severity: "error", message, hint, file }] } };
  }
  return before?.text === text ? before : { text, list: parseJobs(text, file) };
}
