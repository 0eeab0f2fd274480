import { setTimeout as sleep } from "node:timers/promises";
import type { BuiltImages } from "../builds/index.ts";
import type { ServedRun } from "../client/index.ts";
import { harmless, messageOf, WaybillError } from "../errors/index.ts";
import type {
  RecordedRun,
  RunHead,
  RunPage,
  RunQuery,
  RunRefs,
  RunStore,
  StoredRun,
} from "../store/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { importJobs } from "./import.ts";
import { listJobs, runJob } from "./jobs.ts";
import { logForPeople } from "./log-text.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder, withDataFolder } from "./recorded.ts";
import { runFilterOf, withRunFilters } from "./runs-filter.ts";
import { abort, release, rerunVerb } from "./runs-server.ts";
import { withConnection, withServer } from "./server.ts";
import type { Session } from "./session.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, family, how, type OptionsOf, underName, verb, wholeNumber } from "./verb.ts";

const runArgument = "a job, which means its newest run; an id, JOB/ID, or a run's folder";

/** Where runs are: in a folder of this machine, or at a server. */
const withPlace = (command: Blank) => withDataFolder(withServer(command));

const defineList = (command: Blank) =>
  withRunFilters(withPlace(command))
    .argument("[job]", "only runs of this job")
    .addOption(how.common("--limit <number>", "no more than so many; all by default").argParser(wholeNumber))
    .addOption(how.common("--after <run>", "only those behind JOB/ID, which the page before ended with"));

const list = verb({
  name: "list",
  summary: "list runs, newest first",
  examples: [
    ["waybill runs", "all runs, newest first"],
    ["waybill runs push-snoopdb", "those of one job"],
    ["waybill runs --limit 20", "the last ones; it says how to see those before them"],
    ["waybill runs --server https://waybill.example.org", "those of a server"],
    [
      "waybill runs --server https://waybill.example.org --result FAILURE --since 2026-11-01",
      "what failed there this month",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "printed, whatever came of the runs",
    [exitCodes.nothingDone]: "there is no such run",
  },
  page: "runs.md",
  define: defineList,
  run: listRuns,
});

const defineRun = (command: Blank) => withPlace(command).argument("<run>", runArgument);

const defineLog = (command: Blank) =>
  defineRun(command).addOption(how.common("--follow", "go on until the run has ended"));

const defineShow = (command: Blank) =>
  defineRun(command).addOption(how("--log", "now waybill runs log").hideHelp());

const show = verb({
  name: "show",
  summary: "show a run: what it was about, what came of it",
  description: "show a run: what it was about, what came of it, and where its log is",
  examples: [["waybill runs show push-snoopdb", "the newest of it, with its images"]],
  exits: list.exits ?? {},
  page: "runs.md",
  define: defineShow,
  run: showRun,
});

const log = verb({
  name: "log",
  summary: "print the log of a run",
  examples: [
    ["waybill runs log push-snoopdb", "of the newest run of a job"],
    ["waybill runs log push-snoopdb --follow", "and what is written to it from now on"],
  ],
  exits: list.exits ?? {},
  page: "runs.md",
  forms: ["text"],
  define: defineLog,
  run: printLog,
});

/** Verbs that stood in this one, each with what its line is now. */
export const formerlyInRuns = [
  { verb: underName(listJobs, "jobs"), now: "jobs list" },
  { verb: underName(runJob, "start"), now: "jobs run" },
  { verb: importJobs, now: { prow: "jobs import prow" } },
] as const;

export const runs = family({
  name: "runs",
  summary: "what was run, here or by a server, and its log",
  description:
    "what was run, here or by a server: builds, promotions and other jobs; what came of them, and their logs",
  examples: [...list.examples, ...show.examples, ...log.examples, ...rerunVerb.examples],
  page: "runs.md",
  below: [list, show, log, rerunVerb, abort, release],
  formerly: formerlyInRuns.map(({ verb }) => verb),
  default: "list",
});

type Place = OptionsOf<typeof withPlace>;

/** A run of this machine, or of a server, which knows more of it. */
type FoundRun = RecordedRun & Partial<Pick<ServedRun, "state" | "waits" | "summary" | "causes">>;

interface StoredFoundRun extends StoredRun {
  readonly record: FoundRun;
}

/** Runs that can be looked at, wherever they are. */
interface Runs {
  readonly where: string;
  find(name: string): Promise<StoredFoundRun>;
  /** @param filter What a server filters by. */
  list(
    query: RunQuery,
    filter: Readonly<Record<string, string>>,
  ): Promise<RunPage & { readonly runs: readonly FoundRun[] }>;
  /** A log until its run has ended. */
  follow(run: StoredRun): AsyncIterable<Uint8Array>;
}

async function withRuns<Result>(
  session: Session,
  { dataDir, server: url }: Place,
  work: (runs: Runs) => Promise<Result>,
): Promise<Result> {
  if (url === undefined) {
    const { openRunFolder } = await import("../store/index.ts");
    const store = openRunFolder(await dataFolder(session, dataDir));
    return work({ ...store, follow: (run) => followRun(store, run) });
  }
  if (dataDir !== undefined) {
    throw new UsageError("--server and --data-dir name two places", "give one of them");
  }
  return withConnection(session, url, async (server) => {
    const { serverRuns } = await import("../client/index.ts");
    const runs = serverRuns(server);
    return work({ ...runs, follow: ({ record }) => runs.follow(record.id) });
  });
}

/** Milliseconds between two looks at a log of this machine. */
const glance = 500;

async function* followRun(store: Pick<RunStore, "find">, run: StoredRun): AsyncIterable<Uint8Array> {
  const { job, id } = run.record;
  let from = 0;
  for (let seen = run; ; ) {
    for await (const piece of seen.log(from)) {
      from += piece.length;
      yield piece;
    }
    // What it ended with may have come after the last look.
    if (seen.record.result !== "PENDING") return;
    await sleep(glance);
    seen = await store.find(`${job}/${id}`);
  }
}

/** Records of one page when all are listed. */
const maxPage = 10_000;

function listRuns(
  session: Session,
  job: string | undefined,
  options: OptionsOf<typeof defineList>,
): Promise<ExitCode> {
  const filter = runFilterOf(options);
  const [first] = Object.keys(filter);
  if (options.server === undefined && first !== undefined) {
    throw new UsageError(
      `--${first} is what a server filters by`,
      "name one with --server, or name a job alone",
    );
  }
  return withRuns(session, options, (store) => printPage(session, store, job, options));
}

async function printPage(
  session: Session,
  store: Runs,
  job: string | undefined,
  options: OptionsOf<typeof defineList>,
): Promise<ExitCode> {
  const { terminal } = session;
  const { limit, after, server } = options;
  const filter = runFilterOf(options);
  const isFiltered = Object.keys(filter).length > 0;
  const page = await store.list({ job, limit: limit ?? maxPage, after }, filter);
  const found = [...page.runs];
  let { next } = page;
  while (limit === undefined && next !== undefined) {
    const more = await store.list({ job, limit: maxPage, after: next }, filter);
    found.push(...more.runs);
    next = more.next;
  }
  // Says what there is instead.
  if (job !== undefined && after === undefined && found.length === 0 && !isFiltered) await store.find(job);
  if (found.length === 0) {
    const fits = isFiltered ? " that fits" : "";
    terminal.note(`no run${fits} is recorded in ${store.where}${after === undefined ? "" : " behind it"}`);
  }
  await deliver(session, {
    text: (shown) => printRuns(shown, found),
    json: () => asJson({ format: "waybill-runs/1", folder: store.where, runs: found.map(asDocument), next }),
  });
  if (next !== undefined) {
    const filters = Object.entries(filter).map(([name, value]) => `--${name} ${quoted(value)}`);
    const which = [job, server && `--server ${server}`, ...filters].flatMap((word) =>
      word ? [` ${word}`] : [],
    );
    terminal.note(`there are more: waybill runs${which.join("")} --after ${next}`);
  }
  return exitCodes.asDesired;
}

function quoted(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${harmless(word).replaceAll("'", "'\\''")}'`;
}

async function printRuns(terminal: Terminal, found: readonly FoundRun[]): Promise<void> {
  if (found.length === 0) return;
  const rows = found.map((run) => [
    stateOf(terminal, run),
    harmless(run.job),
    run.id,
    run.startedAt === undefined ? "" : inWords(run.startedAt),
    durationOf(run),
    harmless(run.revision ?? "").slice(0, 12),
  ]);
  const head = ["STATE", "JOB", "ID", "STARTED", "DURATION", "REVISION"];
  terminal.print(formatTable(head, rows, terminal.columns));
}

/** A record as these commands have always printed it. */
function asDocument({ where: folder, log: _, ...run }: FoundRun): object {
  const { job, id, ...rest } = run;
  return { job, id, folder, ...rest };
}

async function showRun(
  session: Session,
  name: string,
  options: OptionsOf<typeof defineShow>,
): Promise<ExitCode> {
  if (options.log) {
    // A log is text, also with --json, as it always has been.
    return printLog({ ...session, outputs: { ...session.outputs, printed: "text" } }, name, options);
  }
  return withRuns(session, options, async (store) =>
    printShown(session, await store.find(name), options.server),
  );
}

async function printShown(
  session: Session,
  run: StoredFoundRun,
  server: string | undefined,
): Promise<ExitCode> {
  const { record } = run;
  const built = await imagesOf(run, session.terminal);
  const artifacts = await run.artifacts();
  await deliver(session, {
    text: async (terminal) => {
      printRun(terminal, record);
      if (record.head !== undefined) {
        terminal.print(`  ${"artifacts".padEnd(9)} ${harmless(artifacts.join(" "))}`);
      }
      if (built !== undefined) await printImages(terminal, built);
    },
    json: () => {
      const document = { format: "waybill-run/1", ...asDocument(record), log: record.log, artifacts };
      return asJson({ ...document, images: built?.images });
    },
  });
  if (record.state === "held") {
    session.terminal.note(`let it have its turn: waybill runs release ${record.id} --server ${server}`);
  }
  return exitCodes.asDesired;
}

function printLog(
  session: Session,
  name: string,
  options: Place & { readonly follow?: true | undefined },
): Promise<ExitCode> {
  return withRuns(session, options, async (store) => {
    const run = await store.find(name);
    if (isBefore(run.record)) {
      session.terminal.note(`it has not begun: ${run.record.waits ?? "it waits"}`);
      if (options.follow !== true) return exitCodes.asDesired;
    }
    await deliver(session, {
      text: async (terminal) => {
        const log = options.follow === true ? store.follow(run) : run.log();
        for await (const piece of logForPeople(log)) terminal.write(piece);
      },
    });
    return exitCodes.asDesired;
  });
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

function printRun(terminal: Terminal, run: FoundRun): void {
  const { startedAt, finishedAt, head, refs, revision, planHash, waits, summary, causes } = run;
  const took = durationOf(run);
  const facts: readonly (readonly [name: string, value: string | undefined])[] = [
    ["waits", waits],
    ["outcome", summary],
    ["started", startedAt && inWords(startedAt)],
    ["ended", finishedAt && `${inWords(finishedAt)}${took === "" ? "" : `, after ${took}`}`],
    ["by", head?.by],
    ["cause", causes?.at(-1)],
    ["what", head && headInWords(head)],
    ["refs", refs && refsInWords(refs)],
    ["revision", revision],
    ["plan", planHash],
    ["log", run.log],
  ];
  terminal.print(`${stateOf(terminal, run)} ${harmless(run.job)}/${run.id}`);
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
  terminal.print(`\n${formatTable(["IMAGE", "TAGS", "DIGEST"], rows, terminal.columns)}`);
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

/** Whether it waits for its turn, or for somebody. */
function isBefore({ state }: FoundRun): boolean {
  return state === "held" || state === "waiting";
}

function stateOf(terminal: Terminal, run: FoundRun): string {
  if (!isBefore(run) || run.state === undefined) return colored(terminal, run.result);
  return terminal.colors.cyan(run.state.toUpperCase());
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
