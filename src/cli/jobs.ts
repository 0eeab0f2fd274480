import type { ChangeFilter, Job, JobList, JobWork, LocatedJob } from "../jobs/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { importJobs } from "./import.ts";
import { flattened } from "./job-document.ts";
import { checkJobs } from "./jobs-check.ts";
import { compareJobs } from "./jobs-compare.ts";
import { jobNotifications } from "./jobs-notifications.ts";
import { runByHand } from "./jobs-run.ts";
import { jobsOfServer, runAtServer } from "./jobs-server.ts";
import { asJson, deliver } from "./output.ts";
import { withDataFolder } from "./recorded.ts";
import { withServer } from "./server.ts";
import type { Session } from "./session.ts";
import { formatTable } from "./table.ts";
import { type Blank, collect, family, how, type OptionsOf, verb } from "./verb.ts";

const defineJobs = (command: Blank) =>
  withServer(command).addOption(how.common("--jobs-dir <dir>", "folder of job files").default("jobs"));

const defineStart = (command: Blank) =>
  withDataFolder(defineJobs(command))
    .argument("<name>", "the job")
    .addOption(how.common("--checkout <dir>", "a checkout of the job's repository").default("."))
    .addOption(how.common("--ref <ref>", "branch or tag that was pushed; the branch checked out by default"))
    .addOption(how("--before <commit>", "where the branch stood before; the first parent by default"))
    .addOption(how.common("--force", "run it, whatever its filters say"))
    .addOption(how.common("--dry-run", "print what would be built, and build nothing"))
    .addOption(
      how("--engine <name>", "what builds").choices(["docker", "podman", "buildah", "scratch", "gcb"]),
    )
    .addOption(how("--push-to <registry>", "registry to push to, instead of the job's"))
    .addOption(
      how("--secret <NAME=source>", "a secret, as waybill build has it; repeatable").argParser(collect),
    );

export type StartOptions = OptionsOf<typeof defineStart>;

export const listJobs = verb({
  name: "list",
  summary: "list jobs: what starts them, and what they do",
  description: "list the jobs of a folder: what starts them, and what they do",
  examples: [
    ["waybill jobs", "the jobs in the folder jobs"],
    ["waybill jobs --jobs-dir ci/jobs", "those of another folder"],
    ["waybill jobs --server https://waybill.example.org", "those of a server, as they are now"],
  ],
  exits: {
    [exitCodes.asDesired]: "all job files were read",
    [exitCodes.nothingDone]: "no such folder",
    [exitCodes.notAsDesired]: "a job has problems",
  },
  page: "jobs.md",
  define: defineJobs,
  run: printList,
});

const line = "waybill jobs run apisnoop-push-snoopdb-images --checkout ../apisnoop";

export const runJob = verb({
  name: "run",
  summary: "run a job by hand, as a push would have",
  description: "run a job on a checkout, exactly as the push of a ref would have",
  examples: [
    [line, "as if the branch that is checked out had just been pushed"],
    [`${line} --ref v1.2.3 --dry-run`, "what the push of a tag would build"],
    ["waybill jobs run promote --server https://waybill.example.org", "have a server run it"],
  ],
  exits: {
    [exitCodes.asDesired]: "all was built and pushed, or the job's filters say no",
    [exitCodes.nothingDone]: "nothing was built",
    [exitCodes.notAsDesired]: "a step failed, or an image is missing or could not be pushed",
  },
  page: "jobs.md",
  define: defineStart,
  run: (session, name, options) =>
    options.server === undefined
      ? runByHand(session, name, options)
      : runAtServer(session, options.server, name, options),
});

export const jobs = family({
  name: "jobs",
  summary: "jobs: what is done when; list, check, run, import, compare",
  description: "jobs: what is built, reviewed and promoted, and when",
  examples: [...listJobs.examples, ...checkJobs.examples.slice(0, 1), ...runJob.examples.slice(0, 1)],
  page: "jobs.md",
  below: [listJobs, checkJobs, runJob, jobNotifications, importJobs, compareJobs],
  default: "list",
});

async function printList(
  session: Session,
  { jobsDir, server }: OptionsOf<typeof defineJobs>,
): Promise<ExitCode> {
  const { readJobs } = await import("../jobs/index.ts");
  const { harmless } = await import("../errors/index.ts");
  const { inLines } = await import("../diagnostics/index.ts");
  const read = server === undefined ? await readJobs(jobsDir) : await jobsOfServer(session, server);
  const list = { ...read, diagnostics: read.diagnostics.filter(({ severity }) => severity !== "info") };
  await deliver(session, {
    text: async (terminal) => {
      const rows = list.jobs.map(({ job }) => [job.name, job.repo, startsOf(job), workOf(job)].map(harmless));
      const head = ["JOB", "REPOSITORY", "STARTED BY", "DOES"];
      if (rows.length > 0) terminal.print(formatTable(head, rows, terminal.columns));
      for (const line of inLines(list.diagnostics)) terminal.warn(line);
    },
    json: () =>
      asJson({ format: "waybill-jobs/1", jobs: list.jobs.map(asDocument), problems: problemsOf(list) }),
  });
  const isClean = list.diagnostics.every(({ severity }) => severity !== "error");
  return isClean ? exitCodes.asDesired : exitCodes.notAsDesired;
}

function asDocument({ job, file, line }: LocatedJob): object {
  return { job: flattened(job), file, line };
}

/** What is wrong, with the fields that the format has. */
function problemsOf({ diagnostics }: JobList): readonly object[] {
  const top = { line: 1, column: 1 };
  return diagnostics.map(({ file, at = top, message, hint, job }) => ({ file, ...at, message, hint, job }));
}

function startsOf({ on, pullRequest, clock, after, registry }: Job): string {
  const starts = [
    ...(on === undefined ? [] : [`push ${filterOf(on)}`.trim()]),
    ...(pullRequest === undefined ? [] : [`pull request ${filterOf(pullRequest)}`.trim()]),
    ...(clock === undefined ? [] : [`clock, of ${clock.ref}`]),
    ...(after === undefined ? [] : [`after ${after.join(", ")}`]),
    ...(registry === undefined ? [] : [`registry ${shortened(registry.repository.join("|"))}`]),
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

function workOf({ work }: Job): string {
  switch (work.kind) {
    case "build":
      return `builds ${buildOf(work)}`;
    case "promote":
      return `promotes ${work.promote.manifests}`;
    case "review":
      return `reviews ${work.review.manifests}`;
    case "verify":
      return `verifies ${work.verify.manifests}`;
    case "snapshot":
      return `lists ${work.snapshot.registry}`;
    case "propose":
      return `proposes a change of ${work.propose.repo}`;
  }
}

function buildOf({ build: { dir, config, project } }: Extract<JobWork, { kind: "build" }>): string {
  const file = config === undefined ? dir : `${dir}/${config}`;
  return project === undefined ? file : `${file} in ${project}`;
}
