import { type DiagnosticCodes, Findings, formatPlace, inOrder, quoted } from "../diagnostics/index.ts";
import { documentCodes, readDocument, shapeCodes } from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { jobShape } from "./job-shape.ts";
import type { JobDiagnostic, LocatedJob } from "./model.ts";

/** Jobs of one or more files, and what is wrong with others. */
export interface JobList {
  readonly jobs: readonly LocatedJob[];
  readonly diagnostics: readonly JobDiagnostic[];
}

/** Every code that a diagnostic about a job file can have; all are errors. */
export const jobCodes = {
  ...documentCodes,
  ...shapeCodes,
  "duplicate-job": { severity: "error", summary: "Two jobs have the same name." },
} as const satisfies DiagnosticCodes;

type JobFindings = Findings<keyof typeof jobCodes>;

/**
 * Reads a job file: a mapping that is one job, or one with `jobs`, a list of them. A job with a fault is left out, the
 * others stand.
 * @param file names it in places.
 */
export function parseJobs(text: string, file: string): JobList {
  const findings: JobFindings = new Findings(text, file, jobCodes);
  const nodes = jobNodes(findings);
  const jobs: LocatedJob[] = [];
  const diagnostics: JobDiagnostic[] = [...findings.diagnostics];
  for (const node of nodes) {
    const own = findings.part();
    const read = jobShape.read(node, { findings: own, path: "" });
    const job = nameOf(node);
    diagnostics.push(...own.diagnostics.map((found) => ({ ...found, job })));
    if (read !== undefined && own.errors === 0)
      jobs.push({ job: read, file, line: findings.placeOf(node.start).line });
  }
  return withoutRepeated({ jobs, diagnostics: inOrder(diagnostics) });
}

function jobNodes(findings: JobFindings): readonly YamlNode[] {
  const document = readDocument(
    findings,
    "several jobs in one file are a list: jobs: and below it a dash before each",
  );
  if (document === undefined) return [];
  const { root } = document;
  if (root?.kind !== "mapping") {
    findings.report("wrong-type", root?.start ?? 0, "expected a job, or jobs: and a list of them");
    return [];
  }
  const list = root.entries.find(({ key }) => key.value === "jobs");
  if (list === undefined) return [root];
  const other = root.entries.find(({ key }) => key.value !== "jobs");
  if (other !== undefined)
    findings.report("unknown-key", other.key.start, `${quoted(other.key.value)} does not go with jobs`);
  if (list.value.kind === "sequence") return list.value.items;
  findings.report("wrong-type", list.value.start, "expected a list of jobs");
  return [];
}

/** The name that a job has, wrong as it may be otherwise. */
export function nameOf(node: YamlNode): string | undefined {
  const name =
    node.kind === "mapping" ? node.entries.find(({ key }) => key.value === "name")?.value : undefined;
  return name?.kind === "scalar" ? name.value : undefined;
}

/** Of jobs with the same name, the first one stands. */
export function withoutRepeated({ jobs, diagnostics }: JobList): JobList {
  const first = new Map<string, LocatedJob>();
  const repeated: JobDiagnostic[] = [];
  for (const located of jobs) {
    const { job, file, line } = located;
    const known = first.get(job.name);
    if (known === undefined) first.set(job.name, located);
    else {
      const message = `there is a job ${job.name} already, at ${formatPlace(known)}`;
      const at = { line, column: 1 };
      repeated.push({ code: "duplicate-job", severity: "error", message, file, at, job: job.name });
    }
  }
  return { jobs: [...first.values()], diagnostics: [...diagnostics, ...repeated] };
}
