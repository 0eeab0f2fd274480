import type { ComparedRun, HistoryComparison, Job, RunVerdict } from "../jobs/index.ts";
import type { RunStore } from "../store/index.ts";
import { parseDuration } from "./duration.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder, withDataFolder } from "./recorded.ts";
import { networkFor } from "./registries.ts";
import { withConnection, withServer } from "./server.ts";
import type { Session } from "./session.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, how, look, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withServer(withDataFolder(command))
    .argument("[job...]", "only these; all of the folder by default")
    .addOption(
      look
        .common("--prow <place>", "Prow's bucket: gs://NAME, https://HOST/NAME, s3://NAME, or a folder")
        .makeOptionMandatory(),
    )
    .addOption(
      look
        .common("--runs <place>", "where a server keeps its runs; the data folder by default")
        .conflicts("server"),
    )
    .addOption(look.common("--since <duration>", "compare what began so long ago, or later").default("7d"))
    .addOption(
      how("--tolerance <duration>", "runs of one commit that are further apart are two").default("1h"),
    )
    .addOption(how("--jobs-dir <dir>", "folder of job files").default("jobs"));

type Options = OptionsOf<typeof define>;

export const compareJobs = verb({
  name: "compare",
  summary: "compare what jobs did with what Prow's did",
  description: "compare the runs of jobs with those that Prow had of the same jobs",
  examples: [
    ["waybill jobs compare --prow gs://kubernetes-ci-logs", "a week of all jobs"],
    ["waybill jobs compare post-k8sio-image-promo --prow gs://kubernetes-ci-logs --since 1d", "a day of one"],
    [
      "waybill jobs compare --prow gs://kubernetes-ci-logs --server https://waybill.example.org",
      "what a server did",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "both did the same, as far as it can be told yet",
    [exitCodes.nothingDone]: "a history could not be read",
    [exitCodes.notAsDesired]: "runs that only one side had, or that ended otherwise",
  },
  page: "import-from-prow.md",
  define,
  run,
});

async function run(session: Session, names: readonly string[], options: Options): Promise<ExitCode> {
  const { compareHistories, findJob, readJobs } = await import("../jobs/index.ts");
  const { openBucket } = await import("../objects/index.ts");
  const { readProwHistory } = await import("../store/index.ts");
  const window = parseDuration(options.since, "--since", maxWindow);
  const toleranceSeconds = parseDuration(options.tolerance, "--tolerance") / 1000;
  const list = await readJobs(options.jobsDir);
  const jobs = (names.length === 0 ? list.jobs : names.map((name) => findJob(list, name))).map(
    ({ job }) => job,
  );
  const until = new Date();
  const since = new Date(until.getTime() - window);
  const network = await networkFor(session);
  const theirs = openBucket(options.prow, { network });
  const prow = await ofAll(jobs, (name) => readProwHistory(theirs, name, since));
  const waybill = await ownRuns(session, jobs, options, since);
  const comparison = compareHistories({ jobs, prow, waybill, since, until, toleranceSeconds });
  await deliver(session, {
    text: (terminal) => printComparison(terminal, comparison),
    json: () => asJson({ format: "waybill-comparison/1", ...comparison }),
  });
  const { counts } = comparison;
  const isSame = worrying.every((verdict) => counts[verdict] === 0);
  return isSame ? exitCodes.asDesired : exitCodes.notAsDesired;
}

const maxWindow = 400 * 86_400_000;
const pageOfRuns = 1000;

/** The runs of jobs of ours that began since a time: of a server, of the bucket that it keeps them in, or of this machine. */
async function ownRuns(
  session: Session,
  jobs: readonly Job[],
  { server, runs, dataDir }: Options,
  since: Date,
): Promise<readonly ComparedRun[]> {
  const { openRunFolder, readProwHistory } = await import("../store/index.ts");
  if (server !== undefined) {
    const { serverHistory } = await import("../client/index.ts");
    return withConnection(session, server, (opened) =>
      ofAll(jobs, (name) => serverHistory(opened, name, since)),
    );
  }
  if (runs !== undefined) {
    const { openBucket } = await import("../objects/index.ts");
    const bucket = openBucket(runs, { network: await networkFor(session) });
    return ofAll(jobs, (name) => readProwHistory(bucket, name, since));
  }
  const store = openRunFolder(await dataFolder(session, dataDir));
  return ofAll(jobs, (name) => runsOfStore(store, name, since));
}

async function ofAll(
  jobs: readonly Job[],
  history: (job: string) => AsyncIterable<ComparedRun>,
): Promise<readonly ComparedRun[]> {
  const found: ComparedRun[] = [];
  for (const { name } of jobs) for await (const run of history(name)) found.push(run);
  return found;
}

async function* runsOfStore(store: RunStore, job: string, since: Date): AsyncGenerator<ComparedRun, void> {
  let after: string | undefined;
  do {
    const page = await store.list({ job, limit: pageOfRuns, after });
    for (const run of page.runs) if (run.startedAt === undefined || run.startedAt >= since) yield run;
    const oldest = page.runs.at(-1)?.startedAt;
    after = oldest !== undefined && oldest < since ? undefined : page.next;
  } while (after !== undefined);
}

const worrying: readonly RunVerdict[] = ["different-result", "only-in-prow", "only-in-waybill"];

async function printComparison(
  terminal: Terminal,
  { jobs, counts, since }: HistoryComparison,
): Promise<void> {
  const { harmless } = await import("../errors/index.ts");
  const rows = jobs.map((each) => [
    harmless(each.job),
    ...(["agreed", ...worrying, "covered", "undecided"] as const).map((verdict) => `${each.counts[verdict]}`),
  ]);
  const head = ["JOB", "AGREED", "DIFFERENT", "ONLY PROW", "ONLY WAYBILL", "COVERED", "UNDECIDED"];
  if (rows.length > 0) terminal.print(formatTable(head, rows, terminal.columns));
  for (const { job, runs } of jobs) {
    for (const { verdict, what, prow, waybill, reason } of runs) {
      if (!worrying.includes(verdict)) continue;
      const at = (prow ?? waybill)?.startedAt?.toISOString().replace(/\.[0-9]+Z$/, "Z") ?? "";
      const id = prow === undefined ? `Waybill's ${waybill?.id}` : `Prow's ${prow.id}`;
      terminal.print(harmless(`${job}: ${at} ${what}, ${id}: ${verdict}: ${reason}`));
    }
  }
  const differ = worrying.reduce((sum, verdict) => sum + counts[verdict], 0);
  const day = since.toISOString().slice(0, 16).replace("T", " ");
  terminal.print(
    `since ${day}Z: ${counts.agreed} agree, ${differ} do not; ` +
      `${counts.covered} taken in by a newer commit, ${counts.undecided} undecided`,
  );
}
