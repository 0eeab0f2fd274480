import { type Command, Option } from "commander";
import type { ChangeFilter, Job, JobList } from "../jobs/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples, collect } from "./help.ts";
import { type RunOptions, runByHand } from "./jobs-run.ts";
import type { Act, Session } from "./session.ts";
import { formatTable } from "./table.ts";

interface ListOptions {
  readonly jobsDir: string;
}

export function defineJobs(program: Command, act: Act): void {
  const command = program.command("jobs").description("jobs that build images, and running one by hand");
  const list = command
    .command("list", { isDefault: true })
    .description("list the jobs of a folder: what starts them, and what they build")
    .addOption(jobsDir())
    .action(act(printList));
  const run = command
    .command("run")
    .description("run a job on a checkout, exactly as the push of a ref would have")
    .argument("<name>", "the job")
    .addOption(jobsDir())
    .addOption(new Option("--checkout <dir>", "a checkout of the job's repository").default("."))
    .addOption(new Option("--ref <ref>", "branch or tag that was pushed; the branch checked out by default"))
    .addOption(new Option("--before <commit>", "where the branch stood before; the first parent by default"))
    .addOption(new Option("--force", "run it, whatever its filters say"))
    .addOption(new Option("--dry-run", "print what would be built, and build nothing"))
    .addOption(new Option("--engine <name>", "what builds").choices(["docker", "podman", "buildah", "gcb"]))
    .addOption(new Option("--push-to <registry>", "registry to push to, instead of the job's"))
    .addOption(
      new Option("--secret <NAME=source>", "a secret, as waybill build has it; repeatable").argParser(
        collect,
      ),
    )
    .addOption(new Option("--data-dir <dir>", "folder for records, and for the embedded registry"))
    .action(act((session: Session, name: string, options: RunOptions) => runByHand(session, name, options)));
  const line = "waybill jobs run apisnoop-push-snoopdb-images --checkout ../apisnoop";
  const runs = [
    [line, "as if the branch that is checked out had just been pushed"],
    [`${line} --ref v1.2.3 --dry-run`, "what the push of a tag would build"],
  ] as const;
  addExamples(command, [["waybill jobs", "the jobs in the folder jobs"], ...runs]);
  addExamples(list, [["waybill jobs list --jobs-dir ci/jobs", "those of another folder"]]);
  addExamples(run, runs);
}

function jobsDir(): Option {
  return new Option("--jobs-dir <dir>", "folder of job files").default("jobs");
}

async function printList({ terminal }: Session, options: ListOptions): Promise<ExitCode> {
  const { readJobs } = await import("../jobs/index.ts");
  const { harmless } = await import("../errors/index.ts");
  const list = await readJobs(options.jobsDir);
  if (terminal.json)
    terminal.printJson({ format: "waybill-jobs/1", jobs: list.jobs, problems: problemsOf(list) });
  else {
    const rows = list.jobs.map(({ job }) => [job.name, job.repo, startsOf(job), buildOf(job)].map(harmless));
    if (rows.length > 0)
      terminal.print(await formatTable(["JOB", "REPOSITORY", "STARTED BY", "BUILDS"], rows));
    const { inLines } = await import("../diagnostics/index.ts");
    for (const line of inLines(list.diagnostics)) terminal.warn(line);
  }
  return list.diagnostics.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
}

/** What is wrong, with the fields that the format has. */
function problemsOf({ diagnostics }: JobList): readonly object[] {
  const top = { line: 1, column: 1 };
  return diagnostics.map(({ file, at = top, message, hint, job }) => ({ file, ...at, message, hint, job }));
}

function startsOf({ on, pullRequest, clock }: Job): string {
  const starts = [
    ...(on === undefined ? [] : [`push ${filterOf(on)}`.trim()]),
    ...(pullRequest === undefined ? [] : [`pull request ${filterOf(pullRequest)}`.trim()]),
    ...(clock === undefined ? [] : [`clock, of ${clock.ref}`]),
  ];
  return starts.length === 0 ? "hand" : starts.join("; ");
}

function filterOf({ branch = [], skipBranch = [], paths, skipPaths }: ChangeFilter): string {
  const parts = [
    shortened(branch.join("|")),
    skipBranch.length === 0 ? "" : `but ${shortened(skipBranch.join("|"))}`,
    paths === undefined ? "" : `in ${shortened(paths)}`,
    skipPaths === undefined ? "" : `not only in ${shortened(skipPaths)}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** The expression for versions alone has 250 characters. */
function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function buildOf({ build: { dir, config, project } }: Job): string {
  const file = config === undefined ? dir : `${dir}/${config}`;
  return project === undefined ? file : `${file} in ${project}`;
}
