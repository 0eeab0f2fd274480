import { type Cause, causeInLines } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { Job, JobKind, JobOf } from "../jobs/index.ts";
import type { MatrixWriter } from "../matrix/index.ts";
import type { ProductionLook } from "../production/index.ts";
import type { Traffic } from "../promotion/index.ts";
import type { RunResult, TakenRun } from "../queue/index.ts";
import type { Recording, RunEvent } from "../recording/index.ts";
import type { Registries } from "../registry/index.ts";
import type { ReviewWords } from "../release/index.ts";
import type { Run } from "../store/index.ts";
import type { RunEnding } from "./ending.ts";
import type { RunInput } from "./input.ts";
import type { WorkEnvironment } from "./model.ts";
import type { RegistryAccess } from "./registries.ts";
import type { RunSource } from "./source.ts";

/** A run that is carried out, for the kind of its job. */
export interface Work<Kind extends JobKind> extends RunWork {
  readonly job: JobOf<Kind>;
}

/** A run that is carried out, of whatever kind its job is. */
export interface RunWork {
  readonly run: TakenRun;
  readonly job: Job;
  readonly input: RunInput;
  /** It triggers, plans and records, and writes nothing that others see. */
  readonly isShadow: boolean;
  readonly environment: WorkEnvironment;
  readonly record: Run;
  readonly recording: Recording;
  /** What is planned, done or found of each image at each mirror. */
  readonly matrix: MatrixWriter;
  readonly listener: Listener<RunEvent>;
  /** Told of what says how far it is, and is recorded elsewhere. */
  readonly progress: Listener<RunEvent>;
  readonly ending: RunEnding;
  /** The job's repository. */
  readonly source: RunSource;
  /** The page of the run. */
  readonly page: string | undefined;
  /** Requests and bytes so far, by host. */
  traffic(): Traffic;
  /** A line of the log. */
  say(line: string): void;
  /** Says which commit the run turned out to be about: its status is set there. */
  isAbout(commit: string): Promise<void>;
  /**
   * Has a comment and the status of a commit said under a pull request, soon and in the end, whatever is away now. Waits for the
   * database as long as the run is this worker's. @throws {DatabaseError}
   */
  tellOfPull(pull: number, commit: string, words: Pick<ReviewWords, "comment" | "status">): Promise<void>;
  /** Has it remembered what production was found to hold. That it cannot be changes nothing of the run. */
  looked(look: Omit<ProductionLook, "run" | "attempt" | "job">): Promise<void>;
  /**
   * Does something with registries; they are closed when it is over.
   * @param trusted The only hosts that may be at an address which only this server reaches; all without it.
   */
  withRegistries<Result>(
    access: RegistryAccess,
    work: (registries: Registries) => Promise<Result>,
    trusted?: ReadonlySet<string>,
  ): Promise<Result>;
}

/** What came of the work of a kind. */
export interface WorkDone {
  readonly result: RunResult;
  /** One line. */
  readonly summary: string;
  /** More for lists and notices, small. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** What is said of the commit, where that is something else than of the run; `undefined` where the kind has said it itself. */
  readonly status?: { readonly state: "pending" | "success" | "failure" | "error" } | "said";
  /** What its record says of its end, beside. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Says in the log what problems come from. @param noun What is counted. */
export function sayCauses({ say }: Pick<RunWork, "say">, causes: readonly Cause[], noun: string): void {
  const style = { paint: (text: string) => text, noun };
  for (const cause of causes) for (const line of causeInLines(cause, style)) say(line);
}
