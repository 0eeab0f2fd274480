import { failureRecord, isWaybillError } from "../errors/index.ts";
import { toAll } from "../events/index.ts";
import type { CommitStatus, TokenPurpose } from "../forge/index.ts";
import { type JobKind, repositoryName } from "../jobs/index.ts";
import { type MatrixEvent, noMatrix } from "../matrix/index.ts";
import { createTrafficMeter } from "../promotion/index.ts";
import type { RunOutcome, RunResult, TakenRun } from "../queue/index.ts";
import { type RunEvent, recordIn } from "../recording/index.ts";
import type { RunHead, RunRefs } from "../store/index.ts";
import { beginRecord } from "./begin-record.ts";
import { endingOf, reasonOf } from "./ending.ts";
import { WorkError } from "./errors.ts";
import { inputOf, type RunInput } from "./input.ts";
import type { ProductionMemory, RecordRequest, WorkEnvironment } from "./model.ts";
import { progressOf } from "./progress.ts";
import { registriesFor } from "./registries.ts";
import { sourceAt } from "./source.ts";
import { untilBack } from "./until-back.ts";
import type { RunWork, Work, WorkDone } from "./work.ts";

/** The kinds of jobs, each in a file that is loaded when the first of its runs is. */
const kinds: { readonly [Kind in JobKind]: () => Promise<(work: Work<Kind>) => Promise<WorkDone>> } = {
  build: async () => (await import("./build.ts")).buildCommit,
  promote: async () => (await import("./promote.ts")).promoteHead,
  review: async () => (await import("./review.ts")).reviewPull,
  verify: async () => (await import("./verify.ts")).verifyHead,
  snapshot: async () => (await import("./snapshot.ts")).snapshotRegistry,
  propose: async () => (await import("./propose.ts")).proposePromotion,
};

/** What runs of each kind do at the forge of their repository. What a review says there is said by others. */
const purposes: Readonly<Record<JobKind, TokenPurpose>> = {
  build: "reading",
  promote: "reading",
  review: "reading",
  verify: "reading",
  snapshot: "reading",
  propose: "writing",
};

const eventsOfMatrix: ReadonlySet<RunEvent["type"]> = new Set<MatrixEvent["type"]>([
  ...([
    "progress",
    "image-started",
    "blob-started",
    "blob-finished",
    "blob-failed",
    "read",
    "bytes",
  ] as const),
  ...(["retry", "waiting", "away", "back", "edge-done", "edge-failed"] as const),
]);

function isOfMatrix(event: RunEvent): event is MatrixEvent {
  return eventsOfMatrix.has(event.type);
}

/** Kinds whose runs are about images and mirrors. */
const withMatrix: ReadonlySet<JobKind> = new Set(["promote", "verify", "review"]);

/**
 * Carries a run of the queue out, whatever its kind: begins its record, does the work of its job, and says what came of it, in the
 * record, as the status of its commit, and to the queue.
 * @returns How it ended: `FAILURE` is what the world is like, `ERROR` what kept it from being found out or done.
 * @throws {RunError} when nothing can be recorded.
 */
export async function carryOut(run: TakenRun, environment: WorkEnvironment): Promise<RunOutcome> {
  const input = inputOf(run);
  const { job } = input;
  const isShadow = run.shadow === true || job.shadow === true;
  const record = await beginRecord(environment.records, requestOf(run, input), run);
  const recording = recordIn(record, headOf(run, input), (reason) =>
    environment.onProblem(
      new WorkError("unrecorded", `the run cannot be recorded: ${reason}`, { where: `${run.job}/${run.id}` }),
    ),
  );
  const matrix = withMatrix.has(job.work.kind) ? (environment.matrixOf?.(run) ?? noMatrix) : noMatrix;
  const meter = createTrafficMeter();
  const listener = (event: RunEvent): void => {
    switch (event.type) {
      case "request":
      case "read":
      case "bytes":
      case "retry":
      case "overlooked":
      case "waiting":
      case "away":
      case "back":
        meter.listener(event);
        break;
      default:
    }
    recording.listener(event);
    progress(event);
    if (isOfMatrix(event)) matrix.listener(event);
    environment.heard?.(event);
  };
  const progress = progressOf(run.tell);
  const ending = endingOf(run, environment.grace);
  const page = environment.pageOf(run);
  const context = job.context ?? job.name;
  /** Whoever has the run by now may have said how it ended. */
  const maySay = async (): Promise<boolean> => !isShadow && (run.isMine() || (await run.stillMine()));
  let about: string | undefined;
  const work: RunWork = {
    ...{ run, job, input, isShadow, environment, record, recording, matrix, ending, page },
    ...{ listener, progress },
    source: sourceAt(job.repo, environment, ending.cut, isShadow ? "reading" : purposes[job.work.kind]),
    say: recording.log,
    traffic: meter.read,
    async isAbout(commit) {
      about = commit;
      if (!(await maySay())) return;
      const description = `${job.work.kind} is under way`;
      // That it is under way is not waited for: it will be said how it ended.
      await environment.outbox
        .setStatus({ ...statusOf(commit), state: "pending", description, isFinal: false })
        .catch(environment.onProblem);
    },
    async tellOfPull(pull, commit, { comment, status }) {
      if (!(await maySay())) return;
      await untilBack(run, () => environment.outbox.putComment({ repo: job.repo, pull, commit, ...comment }));
      await untilBack(run, () =>
        environment.outbox.setStatus({ ...statusOf(commit), ...status, url: page, isFinal: true }),
      );
    },
    async looked(look) {
      const of = { ...look, run: run.id, attempt: run.attempt, job: run.job };
      await remember((memory) => memory.looked(of, run.fence));
    },
    async withRegistries(access, task, trusted) {
      const finishes = access === "writing";
      const given = { access, trusted, ending, finishes, listener: toAll(listener), say: recording.log };
      const registries = registriesFor(run, job, environment, given);
      try {
        return await task(registries);
      } finally {
        await registries.close();
      }
    },
  };
  if (run.attempt > 1) recording.log(`attempt ${run.attempt}: ${anew(job.work.kind)}`);
  try {
    const done = await perform(work).finally(() => untilBack(run, matrix.close).catch(environment.onProblem));
    return await end(done);
  } catch (thrown) {
    const result = stoppedResult(run.signal) ?? (isOfContent(thrown) ? "FAILURE" : "ERROR");
    return await end({ result, summary: failureRecord(thrown).message }, thrown);
  } finally {
    ending.close();
  }

  /** What is not remembered is found again by the next look. */
  async function remember(work: (memory: ProductionMemory) => Promise<unknown>): Promise<void> {
    const { production } = environment;
    if (production === undefined || !(run.isMine() || (await run.stillMine()))) return;
    await untilBack(run, () => work(production)).catch(environment.onProblem);
  }

  function statusOf(commit: string) {
    return { repo: job.repo, commit, context, url: page, run: run.id };
  }

  async function end(done: WorkDone, thrown?: unknown): Promise<RunOutcome> {
    const stopped = reasonOf(run.signal);
    const result = done.result === "SUCCESS" ? done.result : (stoppedResult(run.signal) ?? done.result);
    const outcome = {
      result,
      details: { ...done.more, revision: about, summary: done.summary.slice(0, 500) },
    };
    // What another worker has by now is nobody's to end here; what another one is to take up is not over.
    const isMine = stopped !== "lost" && (run.isMine() || (await run.stillMine()));
    if (!isMine || (stopped === "shutdown" && result !== "SUCCESS")) return outcome;
    if (done.status !== "said" && about !== undefined && (await maySay())) {
      const state = done.status?.state ?? stateOf[result];
      const status = { ...statusOf(about), state, description: done.summary, isFinal: true };
      // What cannot be remembered now is made up for when the run ends.
      await untilBack(run, () => environment.outbox.setStatus(status)).catch(environment.onProblem);
    }
    const asked = { run: run.id, attempt: run.attempt, ended: new Date(), traffic: meter.read() };
    await remember((memory) => memory.asked(asked, run.fence));
    const how =
      thrown === undefined ? { ...done.metadata, status: result === "SUCCESS" ? 0 : 2 } : { thrown };
    await recording.end(result === "ERROR" ? "FAILURE" : result, how, about);
    return outcome;
  }
}

function perform(work: RunWork): Promise<WorkDone> {
  const run = async <Kind extends JobKind>(kind: Kind): Promise<WorkDone> =>
    (await kinds[kind]())(work as Work<Kind>);
  return run(work.job.work.kind);
}

function stoppedResult(signal: AbortSignal): RunResult | undefined {
  const reason = reasonOf(signal);
  return reason === undefined ? undefined : reason === "timeout" ? "FAILURE" : "ABORTED";
}

/** What keeps engines and disks from working is no fault of what is built. */
const surroundings: ReadonlySet<string> = new Set([
  ...["engine-missing", "engine-failed", "disk-full", "step-image-unavailable", "push-failed"],
  ...["secret-missing", "secret-refused", "cloud-build-refused", "cloud-build-unreachable"],
]);

/**
 * Whether something failed for what the repository itself has: whoever runs it again has it fail again. The rooms of kinds are loaded when
 * one of their runs comes: errors are known by their names here.
 */
function isOfContent(error: unknown): boolean {
  if (!isWaybillError(error)) return false;
  if (error.name === "BuildError") return !surroundings.has(error.code);
  return error.name === "CloudBuildError" || error.name === "MergeError" || error.code === "no-manifest";
}

const stateOf: Readonly<Record<RunResult, CommitStatus["state"]>> = {
  SUCCESS: "success",
  FAILURE: "failure",
  ABORTED: "error",
  ERROR: "error",
};

function anew(kind: JobKind): string {
  return kind === "build"
    ? "the one before was cut off; it is built anew"
    : "the one before was cut off; what it has done stands, and this one does what is left";
}

function headOf(run: TakenRun, { job }: RunInput): RunHead {
  const [first] = run.causes;
  const writesNothing =
    run.shadow === true ||
    job.shadow === true ||
    (job.work.kind === "promote" && job.work.promote.dryRun === true);
  return {
    verb: job.work.kind,
    by: first?.who ?? first?.by ?? "waybill serve",
    subject: job.repo,
    commit: run.commit,
    options: {
      ...{ job: job.name, attempt: run.attempt },
      ...(run.pull === undefined ? {} : { pull: run.pull }),
      ...(writesNothing ? { dryRun: true } : {}),
    },
  };
}

function requestOf(run: TakenRun, input: RunInput): RecordRequest {
  const { id, attempt, job, type, fence } = run;
  const refs = refsOf(run, input);
  const head = headOf(run, input);
  if (refs === undefined || type === "periodic") {
    const spec = refs === undefined ? {} : { extra_refs: [refs] };
    return { id, attempt, job, type, head, spec, fence };
  }
  return { id, attempt, job, type, head, refs, fence };
}

function refsOf({ ref, commit, pull, repo }: TakenRun, { job }: RunInput): RunRefs | undefined {
  if (ref === undefined) return undefined;
  const {
    org,
    repo: name,
    link,
  } = repositoryName(repo ?? job.repo) ?? { org: "", repo: job.repo, link: undefined };
  const base = { org, repo: name, repo_link: link, base_ref: ref.replace(/^refs\/(?:heads|tags)\//, "") };
  if (pull === undefined) return { ...base, base_sha: commit };
  return { ...base, pulls: [{ number: pull, sha: commit ?? "" }] };
}
