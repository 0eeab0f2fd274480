import { type Command, InvalidArgumentError, Option } from "commander";
import type { BuiltImages } from "../builds/index.ts";
import { harmless, messageOf, WaybillError } from "../errors/index.ts";
import type { RecordedRun, RunHead, RunRefs, RunStore, StoredRun } from "../store/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import { logForPeople } from "./log-text.ts";
import { dataFolder } from "./recorded.ts";
import type { Act, Session } from "./session.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  readonly dataDir?: string;
}

interface ListOptions extends Options {
  readonly limit?: number;
  readonly after?: string;
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
    .addOption(new Option("--limit <number>", "no more than so many; all by default").argParser(wholeNumber))
    .addOption(new Option("--after <run>", "only those behind JOB/ID, which the page before ended with"))
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
    ["waybill runs --limit 20", "the last ones; it says how to see those before them"],
    ["waybill runs show push-snoopdb", "the newest of it, with its images"],
    ["waybill runs show push-snoopdb --log", "its log"],
  ] as const;
  addExamples(runs, examples);
  addExamples(list, examples.slice(0, 3));
  addExamples(show, examples.slice(3));
}

function dataOption(): Option {
  return new Option(
    "--data-dir <dir>",
    "folder of the records instead of $WAYBILL_DATA or ~/.local/share/waybill",
  );
}

async function openStore(session: Session, { dataDir }: Options): Promise<RunStore> {
  const { openRunFolder } = await import("../store/index.ts");
  return openRunFolder(await dataFolder(session, dataDir));
}

/** Records of one page when all are listed. */
const maxPage = 10_000;

async function listRuns(session: Session, job: string | undefined, options: ListOptions): Promise<ExitCode> {
  const { terminal } = session;
  const { limit, after } = options;
  const store = await openStore(session, options);
  const page = await store.list({ job, limit: limit ?? maxPage, after });
  const runs = [...page.runs];
  let { next } = page;
  while (limit === undefined && next !== undefined) {
    const more = await store.list({ job, limit: maxPage, after: next });
    runs.push(...more.runs);
    next = more.next;
  }
  // Says what there is instead.
  if (job !== undefined && after === undefined && runs.length === 0) await store.find(job);
  if (terminal.json) {
    terminal.printJson({ format: "waybill-runs/1", folder: store.where, runs: runs.map(asDocument), next });
    return exitCodes.asDesired;
  }
  if (runs.length === 0)
    terminal.note(`no run is recorded in ${store.where}${after === undefined ? "" : " behind it"}`);
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
  if (next !== undefined) terminal.note(`there are more: --after ${next}`);
  return exitCodes.asDesired;
}

/** A record as these commands have always printed it. */
function asDocument({ where: folder, log: _, ...run }: RecordedRun): object {
  const { job, id, ...rest } = run;
  return { job, id, folder, ...rest };
}

async function showRun(session: Session, name: string, options: ShowOptions): Promise<ExitCode> {
  const { terminal } = session;
  const store = await openStore(session, options);
  const run = await store.find(name);
  if (options.log) {
    for await (const piece of logForPeople(run.log())) terminal.write(piece);
    return exitCodes.asDesired;
  }
  const { record } = run;
  const built = await imagesOf(run, terminal);
  if (terminal.json) {
    const artifacts = await run.artifacts();
    const document = { format: "waybill-run/1", ...asDocument(record), log: record.log, artifacts };
    terminal.printJson({ ...document, images: built?.images });
    return exitCodes.asDesired;
  }
  printRun(terminal, record);
  if (record.head !== undefined) {
    terminal.print(`  ${"artifacts".padEnd(9)} ${harmless((await run.artifacts()).join(" "))}`);
  }
  if (built !== undefined) await printImages(terminal, built);
  return exitCodes.asDesired;
}

/** What a run built; nothing for a run that was no build, or is not over. */
async function imagesOf(run: StoredRun, terminal: Terminal): Promise<BuiltImages | undefined> {
  const { readBuiltImages } = await import("../builds/index.ts");
  try {
    return await readBuiltImages(run);
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    if (error.code === "images-missing") terminal.detail(messageOf(error));
    else terminal.warn(messageOf(error));
    return undefined;
  }
}

function printRun(terminal: Terminal, run: RecordedRun): void {
  const { startedAt, finishedAt, head, refs, revision, planHash } = run;
  const took = durationOf(run);
  const facts: readonly (readonly [name: string, value: string | undefined])[] = [
    ["started", startedAt && inWords(startedAt)],
    ["ended", finishedAt && `${inWords(finishedAt)}${took === "" ? "" : `, after ${took}`}`],
    ["by", head?.by],
    ["what", head && headInWords(head)],
    ["refs", refs && refsInWords(refs)],
    ["revision", revision],
    ["plan", planHash],
    ["log", run.log],
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

function headInWords({ verb, subject, options = {} }: RunHead): string {
  const given = Object.entries(options).map(([name, value]) => (value === true ? name : `${name}=${value}`));
  return [verb, subject, ...given].join(" ");
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

function wholeNumber(text: string): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new InvalidArgumentError("it is a whole number from 1 on");
  return value;
}
