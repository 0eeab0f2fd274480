import { type Command, Option } from "commander";
import type { ImportedJob, ProwImport } from "../jobs/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  readonly out?: string;
  readonly pushTo?: string;
  readonly pushAsNamed?: boolean;
}

export function defineImport(program: Command, act: Act): void {
  const command = program.command("import").description("take over what another system is configured with");
  const prow = command
    .command("prow")
    .description("turn Prow's image-pushing jobs into job files, and say what is left out")
    .argument("<file...>", "files of Prow jobs: presubmits, postsubmits, periodics")
    .addOption(new Option("--out <dir>", "write a file for each job there, instead of printing a list"))
    .addOption(
      new Option("--push-to <registry>", "registry that images of all these jobs go to").conflicts(
        "pushAsNamed",
      ),
    )
    .addOption(new Option("--push-as-named", "images go where the build files name them, as in Prow"))
    .action(act(run));
  const examples = [
    ["waybill import prow k8s-staging-apisnoop.yaml", "see what would become of the jobs"],
    ["waybill import prow config/jobs/image-pushing/*.yaml --out jobs", "a job file for each"],
  ] as const;
  addExamples(command, examples);
  addExamples(prow, examples);
}

async function run(session: Session, files: readonly string[], options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const { importProwJobs, readBounded, writeJobs } = await import("../jobs/index.ts");
  const { harmless } = await import("../errors/index.ts");
  const texts: { file: string; text: string }[] = [];
  for (const file of files) texts.push({ file, text: await readBounded(file) });
  const result = importProwJobs(texts, {
    ...(options.pushTo === undefined ? {} : { pushTo: options.pushTo }),
    ...(options.pushAsNamed === undefined ? {} : { pushAsNamed: true }),
  });
  const origin = ({ file, line }: ImportedJob): string => `from ${file}:${line}`;
  const written =
    options.out === undefined
      ? undefined
      : await writeJobs(
          options.out,
          result.jobs.map((imported) => ({ job: imported.job, comment: origin(imported) })),
        );
  if (terminal.json)
    terminal.printJson({ format: "waybill-import/1", ...result, ...(written && { written }) });
  else {
    if (written === undefined) {
      const { formatJobs } = await import("../jobs/index.ts");
      const jobs = result.jobs.map(({ job }) => job);
      terminal.write(formatJobs(jobs, (index) => result.jobs.slice(index, index + 1).map(origin)));
    } else for (const file of written) terminal.print(harmless(file));
    printRest(terminal, result, harmless);
  }
  return result.notImported.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
}

function printRest(terminal: Terminal, result: ProwImport, harmless: (text: string) => string): void {
  const remarks = [
    ...result.jobs.flatMap(({ job, remarks }) =>
      remarks.map((remark) => ({ job: `${job.name}: `, ...remark })),
    ),
    ...result.remarks.map((remark) => ({ job: "", ...remark })),
  ];
  for (const { job, file, line, column, path, kind, message, isHarmless } of remarks) {
    if (isHarmless) continue;
    const verb = kind === "changed" ? "is changed" : "is not taken";
    terminal.note(harmless(`${file}:${line}:${column}: ${job}${path} ${verb}: ${message}`));
  }
  for (const text of harmlessInWords(result)) terminal.note(harmless(text));
  for (const { file, line, column, job, message } of result.notImported) {
    terminal.warn(harmless(`${file}:${line}:${column}: ${job ?? "a job"} is not imported: ${message}`));
  }
  const { jobs, notImported } = result;
  terminal.note(
    `${jobs.length} imported, ${notImported.length} not; ${remarks.length} keys not taken as they are`,
  );
}

/** What makes no difference to what is built, one line for each reason: files of many jobs have thousands of such keys. */
function harmlessInWords({ jobs }: ProwImport): string[] {
  const reasons = new Map<string, { readonly paths: Set<string>; readonly jobs: Set<string> }>();
  for (const { job, remarks } of jobs) {
    for (const { isHarmless, path, message } of remarks) {
      if (!isHarmless) continue;
      const known = reasons.get(message) ?? { paths: new Set(), jobs: new Set() };
      reasons.set(message, known);
      known.paths.add(path.replace(/\[[0-9]+\]/g, "[]"));
      known.jobs.add(job.name);
    }
  }
  return [...reasons].map(([message, found]) => {
    const several = found.jobs.size === 1 ? [...found.jobs].join("") : `${found.jobs.size} jobs`;
    return `not needed: ${[...found.paths].join(", ")} of ${several}: ${message}`;
  });
}
