import type { ImportedJob, ProwImport } from "../jobs/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { flattened } from "./job-document.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, family, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("<file...>", "files of Prow jobs; and Prow's own configuration, for its queues")
    .addOption(how.common("--out <dir>", "write a file for each job there, instead of printing a list"))
    .addOption(
      how
        .common("--push-to <registry>", "registry that images of all these jobs go to")
        .conflicts("pushAsNamed"),
    )
    .addOption(how.common("--push-as-named", "images go where the build files name them, as in Prow"))
    .addOption(how.common("--shadow", "jobs that do not write: to be compared with Prow's before the switch"))
    .addOption(how("--dry-run", "write no files: print the list, as without --out"));

const prow = verb({
  name: "prow",
  summary: "turn Prow's jobs for images into job files",
  description: "turn Prow's jobs that push and promote images into job files, and say what is left out",
  examples: [
    ["waybill jobs import prow k8s-staging-apisnoop.yaml", "see what would become of the jobs"],
    ["waybill jobs import prow config/jobs/image-pushing/*.yaml --out jobs", "a job file for each"],
    [
      "waybill jobs import prow config.yaml promotion.yaml --shadow --out jobs",
      "with Prow's queues; in shadow",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "every job was imported",
    [exitCodes.nothingDone]: "nothing could be read",
    [exitCodes.notAsDesired]: "jobs that are not imported",
  },
  page: "import-from-prow.md",
  define,
  run,
});

export const importJobs = family({
  name: "import",
  summary: "take over what another system is configured with",
  examples: prow.examples,
  page: "import-from-prow.md",
  below: [prow],
});

async function run(
  session: Session,
  files: readonly string[],
  options: OptionsOf<typeof define>,
): Promise<ExitCode> {
  const { formatJobs, importProwJobs, readBounded, writeJobs } = await import("../jobs/index.ts");
  const { harmless } = await import("../errors/index.ts");
  const texts: { file: string; text: string }[] = [];
  for (const file of files) texts.push({ file, text: await readBounded(file) });
  const { pushTo, pushAsNamed } = options;
  const result = importProwJobs(texts, {
    destination: { ...(pushTo && { pushTo }), ...(pushAsNamed && { pushAsNamed }) },
    shadow: options.shadow,
  });
  const origin = ({ file, line }: ImportedJob): string => `from ${file}:${line}`;
  const written =
    options.out === undefined || options.dryRun
      ? undefined
      : await writeJobs(
          options.out,
          result.jobs.map((imported) => ({ job: imported.job, comment: origin(imported) })),
        );
  await deliver(session, {
    text: (terminal) => {
      if (written === undefined) {
        const jobs = result.jobs.map(({ job }) => job);
        terminal.write(formatJobs(jobs, (index) => result.jobs.slice(index, index + 1).map(origin)));
      } else for (const file of written) terminal.print(harmless(file));
      printRest(terminal, result, harmless);
    },
    json: () => asJson({ format: "waybill-import/1", ...asDocument(result), ...(written && { written }) }),
  });
  return result.notImported.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
}

function asDocument({ jobs, ...rest }: ProwImport): object {
  return { jobs: jobs.map(({ job, ...imported }) => ({ job: flattened(job), ...imported })), ...rest };
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
  const { jobs, notImported, capacities } = result;
  for (const [name, capacity] of Object.entries(capacities))
    terminal.note(harmless(`the server's settings have to say: serve.capacities: ${name}: ${capacity}`));
  terminal.note(
    `${jobs.length} imported, ${notImported.length} not; ${remarks.length} keys not taken as they are`,
  );
}

/** What makes no difference to what is built, one line for each reason: files of many jobs have thousands of such keys. */
function harmlessInWords({ jobs }: ProwImport): string[] {
  const reasons = new Map<string, { readonly paths: Set<string>; readonly jobs: Set<string> }>();
  for (const { job, remarks } of jobs) {
    for (const { isHarmless, general, message } of remarks) {
      if (!isHarmless) continue;
      const known = reasons.get(message) ?? { paths: new Set(), jobs: new Set() };
      reasons.set(message, known);
      known.paths.add(general);
      known.jobs.add(job.name);
    }
  }
  return [...reasons].map(([message, found]) => {
    const several = found.jobs.size === 1 ? [...found.jobs].join("") : `${found.jobs.size} jobs`;
    return `not needed: ${[...found.paths].join(", ")} of ${several}: ${message}`;
  });
}
