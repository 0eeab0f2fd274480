import { LineIndex } from "../diagnostics/index.ts";
import { parseYaml, type YamlNode, YamlSyntaxError } from "../yaml/index.ts";
import { readJob } from "./job-shape.ts";
import type { JobProblem, LocatedJob } from "./model.ts";
import type { Fault } from "./shape.ts";

/** Jobs of one or more files, and what is wrong with others. */
export interface JobList {
  readonly jobs: readonly LocatedJob[];
  readonly problems: readonly JobProblem[];
}

/**
 * Reads a job file: a mapping that is one job, or one with `jobs`, a list of them. A job with a problem is left out, the
 * others stand. An unknown key is a problem.
 * @param file names it in places.
 */
export function parseJobs(text: string, file: string): JobList {
  const lines = new LineIndex(text);
  const jobs: LocatedJob[] = [];
  const problems: JobProblem[] = [];
  const tell = ({ offset, ...fault }: Fault, job?: string): void => {
    problems.push({ file, ...lines.at(offset), ...fault, ...(job === undefined ? {} : { job }) });
  };
  for (const node of jobNodes(text, tell)) {
    const name = nameOf(node);
    let isSound = true;
    const job = readJob(node, (fault) => {
      isSound = false;
      tell(fault, name);
    });
    if (job !== undefined && isSound) jobs.push({ job, file, line: lines.at(node.start).line });
  }
  problems.sort((one, other) => one.line - other.line || one.column - other.column);
  return withoutRepeated({ jobs, problems });
}

function jobNodes(text: string, tell: (fault: Fault) => void): readonly YamlNode[] {
  try {
    const { root, secondDocument } = parseYaml(text);
    if (secondDocument !== undefined) {
      const message = "a second document starts here; several jobs in one file are a list";
      tell({ offset: secondDocument, message, hint: "jobs: and below it a dash before each" });
    }
    if (root?.kind !== "mapping") {
      tell({ offset: root?.start ?? 0, message: "expected a job, or jobs: and a list of them" });
      return [];
    }
    const list = root.entries.find(({ key }) => key.value === "jobs");
    if (list === undefined) return [root];
    const other = root.entries.find(({ key }) => key.value !== "jobs");
    if (other !== undefined) {
      tell({ offset: other.key.start, message: `${JSON.stringify(other.key.value)} does not go with jobs` });
    }
    if (list.value.kind === "sequence") return list.value.items;
    tell({ offset: list.value.start, message: "expected a list of jobs" });
    return [];
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    const { offset, message, hint } = error;
    tell({ offset, message, ...(hint === undefined ? {} : { hint }) });
    return [];
  }
}

function nameOf(node: YamlNode): string | undefined {
  const name =
    node.kind === "mapping" ? node.entries.find(({ key }) => key.value === "name")?.value : undefined;
  return name?.kind === "scalar" ? name.value : undefined;
}

/** Of jobs with the same name, the first one stands. */
export function withoutRepeated({ jobs, problems }: JobList): JobList {
  const first = new Map<string, LocatedJob>();
  const repeated: JobProblem[] = [];
  for (const located of jobs) {
    const { job, file, line } = located;
    const known = first.get(job.name);
    if (known === undefined) first.set(job.name, located);
    else {
      const message = `there is a job ${job.name} already, at ${known.file}:${known.line}`;
      repeated.push({ file, line, column: 1, message, job: job.name });
    }
  }
  return { jobs: [...first.values()], problems: [...problems, ...repeated] };
}
