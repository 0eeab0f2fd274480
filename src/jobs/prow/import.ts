import { LineIndex, type Place } from "../../diagnostics/index.ts";
import {
  isNullScalar,
  parseYaml,
  type YamlMapping,
  type YamlNode,
  YamlSyntaxError,
} from "../../yaml/index.ts";
import type { Job } from "../model.ts";
import { nameOf, parseJobs } from "../read.ts";
import type { JobBuild, JobWork } from "../work.ts";
import { formatJob } from "../write.ts";
import { NotImportable, ProwFields, type ProwRemark } from "./fields.ts";
import { jobOfProw, type ProwJobKind } from "./job.ts";

/** What became of files of Prow jobs. */
export interface ProwImport {
  readonly jobs: readonly ImportedJob[];
  /** Jobs, and what should be one, that were not. */
  readonly notImported: readonly NotImported[];
  readonly remarks: readonly ProwRemark[];
  /** What the settings of a server have to say of the capacities of these jobs. */
  readonly capacities: Readonly<Record<string, number>>;
}

/** A job of ours, what it was, and where. */
export interface ImportedJob extends Place {
  readonly job: Job;
  readonly kind: ProwJobKind;
  /** Paths of what was taken: `spec.containers[0].args[1]`. What stands below one is taken with it. */
  readonly taken: readonly string[];
  readonly remarks: readonly ProwRemark[];
}

/** Something that was not imported, and why. */
export interface NotImported extends Place {
  readonly job?: string | undefined;
  readonly message: string;
}

/** What Prow's files do not say of a job. */
export interface ImportOptions extends Pick<Job, "shadow"> {
  /** Where images of builds go, which Prow leaves to the build file. Without either, to the embedded registry. */
  readonly destination?: Pick<JobBuild, "pushTo" | "pushAsNamed"> | undefined;
}

/** A file of Prow jobs. */
export interface ProwFile {
  readonly file: string;
  readonly text: string;
}

const kinds: ReadonlyMap<string, ProwJobKind> = new Map([
  ["presubmits", "presubmit"],
  ["postsubmits", "postsubmit"],
  ["periodics", "periodic"],
]);

/**
 * Turns Prow's jobs that push images, or promote them, into ours. Every key of a job is taken, or there is a remark that says why not;
 * every job is there, or it is said why not. What {@link formatJob} makes of a job can be read again, and is the same job.
 * @param files of jobs; one with `plank`, as Prow's own configuration has it, says how many runs queues let through.
 */
export function importProwJobs(
  files: readonly ProwFile[],
  { destination = {}, shadow }: ImportOptions = {},
): ProwImport {
  const queues = new Map(files.flatMap(({ text }) => [...queuesIn(text)]));
  const jobs: ImportedJob[] = [];
  const notImported: NotImported[] = [];
  const remarks: ProwRemark[] = [];
  for (const { file, text } of files) {
    const lines = new LineIndex(text);
    const remark = (offset: number, path: string): void => {
      const said = { path, general: path, message: reasonForSection(path), isHarmless: false };
      remarks.push({ kind: "not-taken", file, ...lines.at(offset), ...said });
    };
    const refuse = (offset: number, message: string, job?: string): void => {
      notImported.push({ file, ...lines.at(offset), job, message });
    };
    for (const { node, kind, repository } of prowJobs(text, refuse, remark)) {
      const name = nameOf(node);
      if (node.kind !== "mapping") {
        refuse(node.start, "expected a job");
        continue;
      }
      try {
        const fields = new ProwFields(node, file, lines);
        const read = jobOfProw(fields, { kind, repository, queues });
        const job = { ...read, ...(shadow && { shadow }), work: withDestination(read.work, destination) };
        refuseUnreadable(job);
        const known = jobs.find((other) => other.job.name === job.name);
        if (known !== undefined) {
          throw new NotImportable(`there is a job of this name already, from ${known.file}:${known.line}`);
        }
        const { taken } = fields;
        jobs.push({ job, kind, file, ...lines.at(node.start), taken, remarks: fields.remarks() });
      } catch (error) {
        if (!(error instanceof NotImportable)) throw error;
        refuse(node.start, error.message, name);
      }
    }
  }
  const used = new Set(jobs.map(({ job }) => job.capacity));
  const capacities = Object.fromEntries([...queues].filter(([name]) => used.has(name)));
  return { jobs, notImported, remarks, capacities };
}

function withDestination(work: JobWork, destination: Pick<JobBuild, "pushTo" | "pushAsNamed">): JobWork {
  return work.kind === "build" ? { ...work, build: { ...work.build, ...destination } } : work;
}

type Tell = (offset: number, what: string) => void;

interface ProwJob {
  readonly node: YamlNode;
  readonly kind: ProwJobKind;
  readonly repository?: string;
}

function prowJobs(text: string, refuse: Tell, remark: Tell): readonly ProwJob[] {
  try {
    const { root, secondDocument } = parseYaml(text);
    if (secondDocument !== undefined)
      refuse(secondDocument, "a second document, which Prow does not read either");
    if (root === undefined) return [];
    if (root.kind !== "mapping") {
      refuse(root.start, "expected presubmits, postsubmits or periodics");
      return [];
    }
    const isOfProw = root.entries.some(({ key }) => key.value === "plank");
    return root.entries.flatMap(({ key, value }): ProwJob[] => {
      const kind = kinds.get(key.value);
      // How Prow itself is configured is not asked here, but for its queues.
      if (kind === undefined && isOfProw) return [];
      if (kind === undefined) remark(key.start, key.value);
      else if (isNullScalar(value)) return [];
      else if (kind === "periodic") return jobsOf(value, refuse).map((node) => ({ node, kind }));
      else if (value.kind === "mapping") {
        return value.entries.flatMap((entry) =>
          jobsOf(entry.value, refuse).map((node) => ({ node, kind, repository: entry.key.value })),
        );
      } else refuse(value.start, `expected repositories below ${key.value}`);
      return [];
    });
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    refuse(error.offset, error.message);
    return [];
  }
}

/** Runs that queues let through, where a text is Prow's own configuration. What is wrong with it is told where its jobs are read. */
function queuesIn(text: string): ReadonlyMap<string, number> {
  const queues = new Map<string, number>();
  try {
    const { root } = parseYaml(text);
    for (const { key, value } of entriesOf(entryOf(entryOf(root, "plank"), "job_queue_capacities"))) {
      if (value.kind === "scalar" && /^-?[0-9]{1,6}$/.test(value.value))
        queues.set(key.value, Number(value.value));
    }
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
  }
  return queues;
}

function entriesOf(node: YamlNode | undefined): YamlMapping["entries"] {
  return node?.kind === "mapping" ? node.entries : [];
}

function entryOf(node: YamlNode | undefined, name: string): YamlNode | undefined {
  return entriesOf(node).find(({ key }) => key.value === name)?.value;
}

function jobsOf(node: YamlNode, refuse: Tell): readonly YamlNode[] {
  if (node.kind === "sequence") return node.items;
  if (isNullScalar(node)) return [];
  refuse(node.start, "expected a list of jobs");
  return [];
}

function reasonForSection(key: string): string {
  return key === "presets"
    ? "jobs whose labels ask for one have to be given its variables by hand"
    : "it is no list of jobs; what is used of it by an alias is taken there";
}

/** What our own files would not allow is not written. */
function refuseUnreadable(job: Job): void {
  const [fault] = parseJobs(formatJob(job), job.name).diagnostics;
  if (fault !== undefined) throw new NotImportable(`it cannot be written as a job file: ${fault.message}`);
}
