import { join } from "node:path";
import pLimit from "p-limit";
import { Copier } from "../copy/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { Network } from "../http/index.ts";
import { parseRepository, type RepositoryName } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { Signer } from "../signing/index.ts";
import type { Run, RunRefs, RunStore, RunType } from "../store/index.ts";
import { attachOrigins } from "./attach-origins.ts";
import { type BuildSite, buildHere } from "./build-here.ts";
import { BuildError } from "./errors.ts";
import type { BuildEvent } from "./events.ts";
import { createImageLedger } from "./image-ledger.ts";
import { type HiddenSecrets, hideSecrets } from "./masking.ts";
import type {
  BuildOutcome,
  BuildResult,
  BuiltImage,
  BuiltImages,
  GoogleService,
  PlannedBuild,
} from "./model.ts";
import type { PreparedBuild } from "./plan.ts";
import { openStaging, type Staging } from "./staging.ts";

/** What a run of a build needs beside its plan. */
export interface RunBuildOptions {
  readonly runs: Pick<RunStore, "start" | "where">;
  /** A folder that is no part of any source; that of the records when left out. */
  readonly leaveOut?: string;
  readonly job: string;
  readonly type: RunType;
  readonly refs?: RunRefs | undefined;
  /** More of a job's spec, for `prowjob.json`. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Opens a repository with the user's credentials. */
  readonly open: (repository: RepositoryName) => Repository;
  /** Secrets, as `NAME=@file`, `NAME=env:VARIABLE` or `NAME`. */
  readonly secrets?: readonly string[];
  /**
   * Gives tokens for the secrets that a build file names in Google's Secret Manager: whoever writes that file chooses which. Those of the
   * user when left out; with `undefined` such secrets are not read.
   */
  readonly secretTokens?: ((wanted: { readonly isFresh: boolean }) => Promise<string>) | undefined;
  /** `process.env` when left out. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Variants that are built at the same time; 4 unless it is said. */
  readonly concurrency?: number;
  /** Whole lines of the log, as they stand in the record: without secrets; and which build they are of, if they are of one. */
  readonly onLog?: (lines: Uint8Array, build?: string) => void;
  /** Told of all that is recorded as an event. */
  readonly listener?: Listener<BuildEvent> | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
  /** Nothing more is begun once it is given: neither a variant nor a step. */
  readonly stop?: AbortSignal | undefined;
  /** Signs the provenance of what is built. */
  readonly signer?: Signer | undefined;
  /** How Google is reached; by the environment of this process without it. */
  readonly network?: Network | undefined;
  /** Where Google's service is; tests have their own. */
  readonly service?: GoogleService | undefined;
}

const usualConcurrency = 4;

/** Options with what stands for those that are left out. */
type Settled = RunBuildOptions & Pick<Required<RunBuildOptions>, "leaveOut" | "environment" | "signal">;

/**
 * Carries out a build and records it: the log while it goes on, then what was pushed with the provenance that is attached to
 * it, then how it ended. A process that is killed leaves a record that says so, and nothing else.
 * @param prepare Makes the plan, once the run has its id; what it throws ends the run, and stands in its log.
 * @returns How the builds ended, well or not.
 * @throws whatever `prepare` throws, and {@link RunError} when nothing can be recorded.
 */
export async function runBuild(
  prepare: (run: Run) => Promise<PreparedBuild>,
  given: RunBuildOptions,
): Promise<BuildResult> {
  const { runs, job, type, refs, spec } = given;
  const { leaveOut = runs.where, environment = process.env, signal = new AbortController().signal } = given;
  const options = { ...given, leaveOut, environment, signal };
  const run = await runs.start({ job, type, refs, spec });
  let prepared: PreparedBuild | undefined;
  try {
    prepared = await prepare(run);
    const result = await carryOut(run, prepared, options);
    const { engine, tag, source } = prepared.plan;
    await run.finish({
      result: resultOf(result.outcomes),
      revision: source.commit,
      metadata: { engine, tag, images: result.images.length },
    });
    return result;
  } catch (error) {
    // Whoever asked for the build is told by what is thrown.
    try {
      run.log(`${messageOf(error)}\n`);
    } catch {
      // What cannot be recorded is why it failed, as a rule; that is thrown below.
    }
    const result = options.signal.aborted ? "ABORTED" : "FAILURE";
    const revision = prepared?.plan.source.commit;
    const metadata = { failure: failureRecord(error) };
    await run.finish({ result, revision, metadata }).catch(() => undefined);
    throw error;
  }
}

async function carryOut(run: Run, prepared: PreparedBuild, options: Settled): Promise<BuildResult> {
  const { plan } = prepared;
  const { onLog = () => {}, stop, concurrency = usualConcurrency } = options;
  const startedAt = new Date();
  const ledger = createImageLedger();
  const removals: Promise<void>[] = [];
  const secrets = await readSecrets(prepared, options);
  const hidden = hideSecrets([...secrets.values()]);
  // A variable or a substitution may have the same value as a secret.
  const shown = hidden.document(plan);
  // Nothing waits for it.
  const written = run.write("plan.json", documentOf(shown));
  written.catch(() => undefined);
  const log = (lines: Uint8Array, build?: string): void => {
    run.log(lines);
    onLog(lines, build);
  };
  const say = (text: string): void => log(Buffer.from(`${hidden.text(text)}\n`));
  const program = plan.engineVersion === undefined ? plan.engine : `${plan.engine} ${plan.engineVersion}`;
  say(`building ${plan.config} as ${plan.tag} with ${program}`);
  for (const warning of plan.warnings) say(`warning: ${warning}`);
  for (const note of plan.notes) say(`note: ${note}`);
  const tell = telling(run, say, options.listener);
  const only = plan.builds.length === 1 ? (plan.builds[0]?.name ?? "") : "";
  const staging = await openStaging(plan.destination, ledger, only);
  try {
    const open = (repository: string): Repository => options.open(parseRepository(repository));
    const build = await builderOf(prepared, run, options, {
      ...{ ledger, staging, log, tell, open, hidden, secrets },
      removing: (removal) => void removals.push(removal),
    });
    const begin = async (planned: PlannedBuild): Promise<BuildOutcome> => {
      if (stop?.aborted) return notBegun(planned);
      tell({ type: "build-started", build: planned.name });
      const outcome = await build(planned);
      // What an engine said of a failure may quote what it was given.
      const failure = outcome.failure && hidden.document(outcome.failure);
      tell({ type: "build-ended", build: planned.name, status: outcome.status, failure });
      return { ...outcome, failure };
    };
    const outcomes = await pLimit(concurrency).map(plan.builds, begin);
    const { signer, refs } = options;
    const facts = { run, plan, outcomes, ref: refs?.base_ref, startedAt, open, say, signer };
    const images = await attachOrigins(ledger.images(), { ...facts, secrets: [...secrets.values()] });
    await run.write("images.json", documentOf(imagesOf(run, prepared, images)));
    for (const image of images) tell({ type: "image-built", image });
    for (const { name, status, failure } of outcomes) {
      say(`${name}: ${status}${failure === undefined ? "" : `: ${failure.message}`}`);
    }
    const { job, id, where: folder } = run;
    const result: BuildResult = {
      format: "waybill-build-result/1",
      plan: shown,
      run: { job, id, folder },
      outcomes,
      images,
    };
    await Promise.all([written, run.write("build.json", documentOf(result)), ...removals]);
    return result;
  } finally {
    await Promise.all([staging.close(), ...removals]);
  }
}

function documentOf(document: unknown): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Records events. That one cannot be recorded is said once, and changes nothing of what is built. */
function telling(
  run: Run,
  say: (text: string) => void,
  listener: Listener<BuildEvent> | undefined,
): (event: BuildEvent) => void {
  let isWhole = true;
  return (event) => {
    listener?.(event);
    try {
      run.append(event);
    } catch (error) {
      if (isWhole) say(`warning: the events of the build cannot be recorded: ${messageOf(error)}`);
      isWhole = false;
    }
  };
}

async function readSecrets(
  { plan, engine }: PreparedBuild,
  options: Settled,
): Promise<ReadonlyMap<string, string>> {
  const { environment, signal, network, secrets: given = [] } = options;
  // Google's service reads secrets itself.
  const wanted = engine.kind === "gcb" ? [] : plan.builds.flatMap(({ build }) => build.secrets);
  if (wanted.length === 0 && given.length === 0) return new Map();
  const { findSecrets } = await import("./secrets.ts");
  const { googleTokens } = await import("./google-token.ts");
  const token = "secretTokens" in options ? options.secretTokens : googleTokens(environment, signal);
  return findSecrets(wanted, given, environment, token && { token, signal, network });
}

/** What carries out each build: an engine of this machine, or Google's service. */
async function builderOf(
  prepared: PreparedBuild,
  run: Run,
  { signal, stop, environment, leaveOut, service, network }: Settled,
  means: Pick<BuildSite, "ledger" | "log" | "tell" | "open" | "secrets" | "removing"> & {
    readonly staging: Staging;
    readonly hidden: HiddenSecrets;
  },
): Promise<(planned: PlannedBuild) => Promise<BuildOutcome>> {
  const { engine, plan } = prepared;
  if (engine.kind === "gcb") {
    const { buildOnGoogle } = await import("./google-build.ts");
    const site = { ...means, prepared, environment, leaveOut, signal, network, service };
    return (planned) => buildOnGoogle(planned, site);
  }
  if (engine.kind === "plan") throw new BuildError("engine-missing", "the engine plan executes nothing");
  const site: BuildSite = {
    ...means,
    ...{ plan, environment, leaveOut, signal, stop },
    engine: engine.engine,
    copier: new Copier(),
    turns: new Map(),
    objects: join(run.artifacts, "objects"),
  };
  return (planned) => buildHere(planned, site);
}

/** What is recorded of images, whatever became of the builds: what was pushed was pushed. */
function imagesOf({ job, id }: Run, { plan }: PreparedBuild, images: readonly BuiltImage[]): BuiltImages {
  const { repository, commit, describe, isDirty, path } = plan.source;
  return {
    format: "waybill-images/1",
    run: { job, id },
    source: { repository, commit, describe, isDirty, path },
    tag: plan.tag,
    images,
  };
}

function notBegun({ name }: PlannedBuild): BuildOutcome {
  const failure = { code: "cancelled", message: "the build was cancelled before it began" };
  return { name, status: "cancelled", steps: [], failure };
}

function resultOf(outcomes: readonly BuildOutcome[]): "SUCCESS" | "FAILURE" | "ABORTED" {
  if (outcomes.some(({ status }) => status === "cancelled")) return "ABORTED";
  return outcomes.every(({ status }) => status === "success") ? "SUCCESS" : "FAILURE";
}
