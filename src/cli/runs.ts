import { type Command, Option } from "commander";
import type { BuiltImages } from "../builds/index.ts";
import { harmless, messageOf, WaybillError } from "../errors/index.ts";
import type { RecordedRun, RunRefs, RunStore } from "../store/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import { logForPeople } from "./log-text.ts";
import type { Act, Session } from "./session.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  readonly dataDir?: string;
}

interface ShowOptions extends Options {
  readonly log?: boolean;
}

export function defineRuns(program: Command, act: Act): void {
  const runs = program.command("runs").description("what was run here: builds, promotions and other jobs");
  const list = runs
    .command("list", { isDefault: true })
    .description("list runs, newest first")
    .argument("[job]", "only runs of this job")
    .addOption(dataOption())
    .action(act(listRuns));
  const show = runs
    .command("show")
    .description("show a run: what it was about, what came of it, and where its log is")
    .argument("<run>", "a job, which means its newest run; an id, JOB/ID, or a run's folder")
    .addOption(dataOption())
    .addOption(new Option("--log", "print the log instead"))
    .action(act(showRun));
  const examples = [
    ["waybill runs", "all runs, newest first"],
    ["waybill runs push-snoopdb", "those of one job"],
    ["waybill runs show push-snoopdb", "the newest of it, with its images"],
    ["waybill runs show push-snoopdb --log", "its log"],
  ] as const;
  addExamples(runs, examples);
  addExamples(list, examples.slice(0, 2));
  addExamples(show, examples.slice(2));
}

function dataOption(): Option {
  return new Option(
    "--data-dir <dir>",
    "folder of the records instead of $WAYBILL_DATA or ~/.local/share/waybill",
  );
}

async function openStore({ env }: Session, { dataDir }: Options): Promise<RunStore> {
  const { defaultDataFolder, openRuns } = await import("../store/index.ts");
  return openRuns(dataDir ?? defaultDataFolder(env));
}

async function listRuns(session: Session, job: string | undefined, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const store = await openStore(session, options);
  const runs = await store.list(job);
  // Says what there is instead.
  if (job !== undefined && runs.length === 0) await store.find(job);
  if (terminal.json) {
    terminal.printJson({ format: "waybill-runs/1", folder: store.folder, runs });
    return exitCodes.asDesired;
  }
  if (runs.length === 0) terminal.note(`no run is recorded in ${store.folder}`);
  else {
    const rows = runs.map((run) => [
      colored(terminal, run.result),
      harmless(run.job),
      run.id,
      run.startedAt === undefined ? "" : inWords(run.startedAt),
      durationOf(run),
      harmless(run.revision ?? "").slice(0, 12),
    ]);
    terminal.print(await formatTable(["STATE", "JOB", "ID", "STARTED", "DURATION", "REVISION"], rows));
  }
  return exitCodes.asDesired;
}

async function showRun(session: Session, name: string, options: ShowOptions): Promise<ExitCode> {
  const { terminal } = session;
  const { logFileOf, readLog } = await import("../store/index.ts");
  const store = await openStore(session, options);
  const run = await store.find(name);
  if (options.log) {
    for await (const piece of logForPeople(readLog(run))) terminal.write(piece);
    return exitCodes.asDesired;
  }
  const built = await imagesOf(run, terminal);
  const log = logFileOf(run);
  if (terminal.json) {
    terminal.printJson({
      format: "waybill-run/1",
      ...run,
      log,
      ...(built === undefined ? {} : { images: built.images }),
    });
    return exitCodes.asDesired;
  }
  printRun(terminal, run, log);
  if (built !== undefined) await printImages(terminal, built);
  return exitCodes.asDesired;
}

/** What a run built; nothing for a run that was no build, or is not over. */
async function imagesOf({ folder }: RecordedRun, terminal: Terminal): Promise<BuiltImages | undefined> {
  const { readBuiltImages } = await import("../builds/index.ts");
  try {
    return await readBuiltImages(folder);
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    if (error.code === "images-missing") terminal.detail(messageOf(error));
    else terminal.warn(messageOf(error));
    return undefined;
  }
}

function printRun(terminal: Terminal, run: RecordedRun, log: string): void {
  const { startedAt, finishedAt, refs, revision } = run;
  const took = durationOf(run);
  const facts: readonly (readonly [name: string, value: string | undefined])[] = [
    ["started", startedAt && inWords(startedAt)],
    ["ended", finishedAt && `${inWords(finishedAt)}${took === "" ? "" : `, after ${took}`}`],
    ["refs", refs && refsInWords(refs)],
    ["revision", revision],
    ["log", log],
  ];
  terminal.print(`${colored(terminal, run.result)} ${harmless(run.job)}/${run.id}`);
  for (const [name, value] of facts) {
    if (value !== undefined) terminal.print(`  ${name.padEnd(9)} ${harmless(value)}`);
  }
  if (run.result === "CRASHED") {
    terminal.note("the process that did it ended without a last word; the next run of the job closes it");
  }
}

async function printImages(terminal: Terminal, { images }: BuiltImages): Promise<void> {
  if (images.length === 0) return;
  const rows = images.map(({ name, tags, digest }) => [harmless(name), harmless(tags.join(" ")), digest]);
  terminal.print(`\n${await formatTable(["IMAGE", "TAGS", "DIGEST"], rows)}`);
}

function refsInWords({ org, repo, base_ref, base_sha, pulls = [] }: RunRefs): string {
  const at = base_sha === undefined ? "" : ` at ${base_sha.slice(0, 12)}`;
  const merged = pulls.map(
    ({ number, author, sha }) =>
      `#${number}${author === undefined ? "" : ` by ${author}`} ${sha.slice(0, 12)}`,
  );
  return [`${org}/${repo} ${base_ref}${at}`, ...merged].join(", ");
}

function colored({ colors }: Terminal, result: RecordedRun["result"]): string {
  switch (result) {
    case "SUCCESS":
      return colors.green(result);
    case "FAILURE":
    case "CRASHED":
      return colors.red(result);
    case "ABORTED":
      return colors.yellow(result);
    case "PENDING":
      return colors.cyan(result);
  }
}

/** A time of the world, to the second. */
function inWords(date: Date): string {
  return date
    .toISOString()
    .replace("T", " ")
    .replace(/\.[0-9]+Z$/, "Z");
}

/** `1h05m`, `2m03s`, `4s`; empty while nobody knows. */
function durationOf({ startedAt, finishedAt }: RecordedRun): string {
  if (startedAt === undefined || finishedAt === undefined) return "";
  const total = Math.max(0, Math.round((finishedAt.getTime() - startedAt.getTime()) / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (count: number) => String(count).padStart(2, "0");
  if (hours > 0) return `${hours}h${two(minutes)}m`;
  return minutes > 0 ? `${minutes}m${two(seconds)}s` : `${seconds}s`;
}
