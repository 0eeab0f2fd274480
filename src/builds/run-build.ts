import { join } from "node:path";
import pLimit from "p-limit";
import { createCopier } from "../copy/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { Network } from "../http/index.ts";
import { parseRepository, type RepositoryName } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { Run, RunRefs, RunStore, RunType } from "../store/index.ts";
import { attachOrigins } from "./attach-origins.ts";
import { buildHere, type HereSite } from "./build-here.ts";
import { BuildError } from "./errors.ts";
import type { BuildEvent } from "./events.ts";
import { type HiddenSecrets, hideSecrets } from "./hidden-secrets.ts";
import { createImageLedger, type ImageLedger } from "./image-ledger.ts";
import type {
  BuildOutcome,
  BuildPlan,
  BuildResult,
  BuiltImage,
  BuiltImages,
  GoogleService,
  PlannedBuild,
} from "./model.ts";
import type { PreparedBuild } from "./plan.ts";
import { createPushTurns } from "./push-turns.ts";
import { checkUnchanged } from "./source.ts";
import { openStaging, type Staging } from "./staging.ts";

/** What a run of a build needs beside its plan. */
export interface RunBuildOptions {
  readonly runs: RunStore;
  /** A folder that is no part of any source, such as that of the records. */
  readonly leaveOut: string;
  readonly job: string;
  readonly type: RunType;
  readonly refs?: RunRefs | undefined;
  /** More of a job's spec, for `prowjob.json`. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Opens a repository with the user's credentials. */
  readonly open: (repository: RepositoryName) => Repository;
  /** Secrets, as `NAME=@file`, `NAME=env:VARIABLE` or `NAME`. */
  readonly secrets?: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Variants that are built at the same time; 4 unless it is said. */
  readonly concurrency?: number;
  /** A line of the log, as it stands in the record: without secrets; and which build it is of, if it is of one. */
  readonly onLog?: (line: Uint8Array, build?: string) => void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** Nothing more is begun once it is given: neither a variant nor a step. */
  readonly stop?: AbortSignal;
  /** How Google is reached; by the environment of this process without it. */
  readonly network?: Network | undefined;
  /** Where Google's service is; tests have their own. */
  readonly service?: GoogleService;
}

const usualConcurrency = 4;

/**
 * Carries out a build and records it: the log while it goes on, then what was pushed with the provenance that is attached to
 * it, then how it ended. A process that is killed leaves a record that says so, and nothing else.
 * @param prepare Makes the plan, once the run has its id; what it throws ends the run, and stands in its log.
 * @returns How the builds ended, well or not.
 * @throws whatever `prepare` throws, and {@link RunError} when nothing can be recorded.
 */
export async function runBuild(
  prepare: (run: Run) => Promise<PreparedBuild>,
  options: RunBuildOptions,
): Promise<BuildResult> {
  const { runs, job, type, refs, spec } = options;
  const run = await runs.start({ job, type, refs, spec });
  let prepared: PreparedBuild | undefined;
  try {
    prepared = await prepare(run);
    const result = await new RunningBuild(run, prepared, options).toItsEnd();
    await run.finish({
      result: resultOf(result.outcomes),
      ...revisionOf(prepared.plan),
      metadata: { engine: prepared.plan.engine, tag: prepared.plan.tag, images: result.images.length },
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
    const revision = prepared === undefined ? {} : revisionOf(prepared.plan);
    const metadata = { failure: failureRecord(error) };
    await run.finish({ result, ...revision, metadata }).catch(() => undefined);
    throw error;
  }
}

class RunningBuild {
  readonly #run: Run;
  readonly #prepared: PreparedBuild;
  readonly #options: RunBuildOptions;
  readonly #ledger: ImageLedger = createImageLedger();
  readonly #started = new Date();
  readonly #removals: Promise<void>[] = [];

  constructor(run: Run, prepared: PreparedBuild, options: RunBuildOptions) {
    this.#run = run;
    this.#prepared = prepared;
    this.#options = options;
  }

  async toItsEnd(): Promise<BuildResult> {
    const { plan } = this.#prepared;
    const { secrets: given = [], onLog = () => {} } = this.#options;
    const secrets = await this.#readSecrets(given);
    const hidden = hideSecrets([...secrets.values()]);
    // A variable or a substitution may have the same value as a secret.
    const shown = hidden.document(plan);
    // Nothing waits for it.
    const written = this.#run.write("plan.json", `${JSON.stringify(shown, undefined, 2)}\n`);
    written.catch(() => undefined);
    const log = (line: Uint8Array, build?: string): void => {
      this.#run.log(line);
      onLog(line, build);
    };
    const say = (text: string): void => log(Buffer.from(`${hidden.text(text)}\n`));
    say(
      `building ${plan.config} as ${plan.tag} with ${plan.engine}${plan.engineVersion === undefined ? "" : ` ${plan.engineVersion}`}`,
    );
    for (const warning of plan.warnings) say(`warning: ${warning}`);
    for (const note of plan.notes) say(`note: ${note}`);
    const only = plan.builds.length === 1 ? (plan.builds[0]?.name ?? "") : "";
    const staging = await openStaging(plan.destination, this.#ledger, only);
    try {
      const build = await this.#builder({ staging, log, hidden, secrets });
      const limit = pLimit(this.#options.concurrency ?? usualConcurrency);
      const tell: Listener<BuildEvent> = (event) => this.#run.append(event);
      const begin = async (planned: PlannedBuild): Promise<BuildOutcome> => {
        if (this.#options.stop?.aborted) return notBegun(planned);
        tell({ type: "build-started", build: planned.name });
        const outcome = await build(planned);
        // What an engine said of a failure may quote what it was given.
        const failure = outcome.failure && hidden.document(outcome.failure);
        tell({ type: "build-ended", build: planned.name, status: outcome.status, failure });
        return failure === undefined ? outcome : { ...outcome, failure };
      };
      const outcomes = await Promise.all(plan.builds.map((planned) => limit(() => begin(planned))));
      const images = await this.#recordImages(outcomes, [...secrets.values()], say);
      for (const image of images) tell({ type: "image-built", image });
      for (const { name, status, failure } of outcomes) {
        say(`${name}: ${status}${failure === undefined ? "" : `: ${failure.message}`}`);
      }
      const { job, id, where: folder } = this.#run;
      const result: BuildResult = {
        format: "waybill-build-result/1",
        plan: shown,
        run: { job, id, folder },
        outcomes,
        images,
      };
      await Promise.all([
        written,
        this.#run.write("build.json", `${JSON.stringify(result, undefined, 2)}\n`),
        ...this.#removals,
      ]);
      return result;
    } finally {
      await Promise.all([staging.close(), ...this.#removals]);
    }
  }

  async #readSecrets(given: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { plan, engine } = this.#prepared;
    const { environment, signal, network } = this.#options;
    // Google's service reads secrets itself.
    const wanted = engine.kind === "gcb" ? [] : plan.builds.flatMap(({ build }) => build.secrets);
    if (wanted.length === 0 && given.length === 0) return new Map();
    const { findSecrets } = await import("./secrets.ts");
    const { googleTokens } = await import("./google-token.ts");
    const access = { token: googleTokens(environment, signal), signal, network };
    return findSecrets(wanted, given, environment, access);
  }

  /** What carries out each build: an engine of this machine, or Google's service. */
  async #builder(means: {
    readonly staging: Staging;
    readonly log: (line: Uint8Array, build?: string) => void;
    readonly hidden: HiddenSecrets;
    readonly secrets: ReadonlyMap<string, string>;
  }): Promise<(planned: PlannedBuild) => Promise<BuildOutcome>> {
    const { engine, plan } = this.#prepared;
    const { signal, stop, environment, open: openNamed, service, network } = this.#options;
    const { staging, log, hidden, secrets } = means;
    const open = (repository: string): Repository => openNamed(parseRepository(repository));
    if (engine.kind === "gcb") {
      const prepared = this.#prepared;
      const shared = service === undefined ? {} : { service };
      const { leaveOut } = this.#options;
      const site = {
        prepared,
        ledger: this.#ledger,
        environment,
        leaveOut,
        open,
        log,
        signal,
        network,
        ...shared,
      };
      const { buildOnGoogle } = await import("./google-build.ts");
      return (planned) => buildOnGoogle(planned, site);
    }
    if (engine.kind === "plan") throw new BuildError("engine-missing", "the engine plan executes nothing");
    const site: HereSite = {
      engine: engine.engine,
      copier: createCopier(),
      ledger: this.#ledger,
      turns: createPushTurns(),
      isOneOfSeveral: plan.builds.length > 1,
      placeOf: staging.placeOf,
      open,
      log,
      hidden,
      signal,
      stop,
      source: plan.source,
      leaveOut: this.#options.leaveOut,
      checkSource: () => checkUnchanged(plan.source, environment),
      objects: join(this.#run.artifacts, "objects"),
      secrets,
      env: staging.env,
      removing: (removal) => void this.#removals.push(removal),
    };
    return (planned) => buildHere(planned, site);
  }

  /** Attaches provenance and writes `images.json`, whatever became of the builds: what was pushed was pushed. */
  async #recordImages(
    outcomes: readonly BuildOutcome[],
    secrets: readonly string[],
    say: (text: string) => void,
  ): Promise<readonly BuiltImage[]> {
    const { plan } = this.#prepared;
    const { job, id } = this.#run;
    const images = await attachOrigins(this.#ledger.images(), {
      plan,
      outcomes,
      run: { job, id },
      ...(this.#options.refs === undefined ? {} : { ref: this.#options.refs.base_ref }),
      startedAt: this.#started,
      secrets,
      open: (repository) => this.#options.open(parseRepository(repository)),
      say,
    });
    const { repository, commit, describe, isDirty, path } = plan.source;
    const document: BuiltImages = {
      format: "waybill-images/1",
      run: { job, id },
      source: { repository, commit, describe, isDirty, path },
      tag: plan.tag,
      images,
    };
    await this.#run.write("images.json", `${JSON.stringify(document, undefined, 2)}\n`);
    return images;
  }
}

function notBegun({ name }: PlannedBuild): BuildOutcome {
  const failure = { code: "cancelled", message: "the build was cancelled before it began" };
  return { name, status: "cancelled", steps: [], failure };
}

function resultOf(outcomes: readonly BuildOutcome[]): "SUCCESS" | "FAILURE" | "ABORTED" {
  if (outcomes.some(({ status }) => status === "cancelled")) return "ABORTED";
  return outcomes.every(({ status }) => status === "success") ? "SUCCESS" : "FAILURE";
}

function revisionOf({ source }: BuildPlan): { revision?: string } {
  return source.commit === undefined ? {} : { revision: source.commit };
}
