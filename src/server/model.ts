import type { AccessSettings, Logins, Machines } from "../access/index.ts";
import type { Database, Sql } from "../database/index.ts";
import type { Job, JobDiagnostic, LocatedJob } from "../jobs/index.ts";
import type { Asked, Queue, RunCause } from "../queue/index.ts";
import type { RunStore } from "../store/index.ts";
import type { Delivery, WebhookSource } from "../webhooks/index.ts";

/** Some bytes of a log, and the offset behind them; the same object for all who listen to the log. */
export interface LogBatch {
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** Bytes before these that are left out, because the listener was too slow for them. */
  readonly skipped?: number | undefined;
}

/** Records of runs, and logs while they are written. */
export interface ServedRuns extends Pick<RunStore, "find"> {
  /** From an offset on; ends when the run has ended. */
  tail(
    id: string,
    options?: { readonly from?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<LogBatch>;
}

/** The jobs as they are now. */
export interface ServedJobs {
  /** Those that can be used, and what is wrong with the files of all. */
  current(): { readonly jobs: readonly LocatedJob[]; readonly diagnostics: readonly JobDiagnostic[] };
  /** Those who may approve the file of a job by `OWNERS`: logins, and teams as `org/team`. */
  ownersOf(job: LocatedJob): Promise<readonly string[]>;
  /** When the clock starts it next; `undefined` when it does not. */
  nextTime(job: Job, after: Date): Date | undefined;
  /** Asks for a run by hand, in the transaction of the caller. @param ref Full name; the job's own without it. */
  ask(sql: Sql, job: Job, given: { readonly ref?: string | undefined }, cause: RunCause): Promise<Asked>;
}

/** Whether what a commit asks for is in production. */
export interface PromotionState {
  readonly state: "promoted" | "waiting" | "failed" | "unknown";
  /** One line for people. */
  readonly text: string;
  /** The run that says so, or is waited for. */
  readonly run?: string | undefined;
}

/** What the server stands on; it decides nothing itself. */
export interface ServerParts {
  readonly version: string;
  readonly db: Database;
  readonly queue: Queue;
  readonly runs: ServedRuns;
  readonly jobs: ServedJobs;
  readonly access: {
    readonly settings: AccessSettings;
    readonly logins: Logins;
    readonly machines: Machines;
  };
  readonly webhooks: {
    readonly sources: readonly WebhookSource[];
    /** Keeps a delivery: it outlives this process when this resolves. */
    accept(delivery: Delivery): Promise<unknown>;
  };
  /** Whether a promotion job has brought a commit to production. */
  promotionOf(job: Job, commit: string): Promise<PromotionState>;
  /** The address that people know it by: a scheme and a host, without a path. */
  readonly publicUrl: URL;
  /** Whether it is to get requests: not while it starts or stops. */
  isReady(): boolean;
  /** What goes wrong in the server itself; what is told of it holds no secret. */
  readonly onProblem: (error: unknown, request: string) => void;
  /** When it is aborted, streams end, so that those who listen go to another server. */
  readonly stopping: AbortSignal;
  readonly now?: (() => Date) | undefined;
}

/** The server, to be given requests. */
export interface App {
  /** @param address Of the one who asks, where it is known. */
  fetch(request: Request, address?: string): Promise<Response>;
}
