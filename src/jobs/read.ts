import { type DiagnosticCodes, Findings, formatPlace, inOrder, quoted } from "../diagnostics/index.ts";
import { documentCodes, readDocument, shapeCodes } from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { JobsError } from "./errors.ts";
import { jobShape } from "./job-shape.ts";
import type { Job, JobDiagnostic, JobPlaces, LocatedJob } from "./model.ts";
import { secretsIn } from "./secrets.ts";
import { withEscapes } from "./write.ts";

/** Jobs of one or more files, and what is wrong with others. */
export interface JobList {
  readonly jobs: readonly LocatedJob[];
  readonly diagnostics: readonly JobDiagnostic[];
}

/** Every code that a diagnostic about a job file can have. */
export const jobCodes = {
  ...documentCodes,
  ...shapeCodes,
  "duplicate-job": { severity: "error", summary: "Two jobs have the same name." },
  "secret-in-file": { severity: "error", summary: "A secret stands in a job file, or what looks like one." },
  "unknown-job": { severity: "error", summary: "A job comes after one that there is not." },
  "job-cycle": { severity: "error", summary: "Jobs come after each other in a circle." },
  "unknown-branch": { severity: "error", summary: "Nothing says which branch a job works on." },
  "unknown-capacity": { severity: "error", summary: "A job has a capacity that the settings do not know." },
  "never-started": { severity: "info", summary: "Nothing starts a job but somebody's hand." },
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
    reportSecrets(node, own);
    const job = nameOf(node);
    diagnostics.push(...own.diagnostics.map((found) => ({ ...found, job })));
    if (read !== undefined && own.errors === 0)
      jobs.push({
        job: read,
        file,
        line: findings.placeOf(node.start).line,
        places: placesIn(node, findings),
      });
  }
  return withoutRepeated({ jobs, diagnostics: inOrder(diagnostics) });
}

/**
 * The job of plain data with the keys of a file, as {@link documentOfJob} makes it.
 * @throws {JobsError} `job-invalid` when it is none.
 */
export function jobOfDocument(document: unknown): Job {
  const { jobs, diagnostics } = parseJobs(withEscapes(JSON.stringify(document) ?? ""), "a job");
  const [found] = jobs;
  if (found !== undefined) return found.job;
  const [{ message = "it is none", hint = undefined } = {}] = diagnostics;
  throw new JobsError("job-invalid", `what was kept of a job is no job: ${message}`, { hint });
}

function reportSecrets(node: YamlNode, findings: JobFindings): void {
  const hint = "the server has credentials of its own for each job and destination; see serve.md";
  const refused = new Set(findings.diagnostics.map(({ at }) => `${at?.line}:${at?.column}`));
  for (const { start, message, isCertain } of secretsIn(node)) {
    const { line, column } = findings.placeOf(start);
    // What is refused already, such as a URL with a password, need not be refused twice.
    if (refused.has(`${line}:${column}`)) continue;
    const said = `${message}, and a job file is no place for a secret`;
    findings.report("secret-in-file", start, said, hint, isCertain ? {} : { severity: "warning" });
  }
}

/** Where those values stand that are judged with all jobs at hand. */
function placesIn(node: YamlNode, findings: JobFindings): JobPlaces | undefined {
  const entry = (name: string) =>
    node.kind === "mapping" ? node.entries.find(({ key }) => key.value === name) : undefined;
  const after = entry("after")?.value;
  const items = after?.kind === "sequence" ? after.items : after === undefined ? [] : [after];
  const capacity = entry("capacity");
  if (after === undefined && capacity === undefined) return undefined;
  return {
    after: items.map(({ start }) => findings.placeOf(start)),
    ...(capacity && { capacity: findings.placeOf(capacity.value.start) }),
  };
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
