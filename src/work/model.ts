import type { Sql } from "../database/index.ts";
import type { ForgeProject } from "../forge/index.ts";
import type { MatrixWriter } from "../matrix/index.ts";
import type { ProductionLook, RunTraffic } from "../production/index.ts";
import type { RunEvent } from "../recording/index.ts";
import type { CredentialSources, RegistriesOptions } from "../registry/index.ts";
import type { ReviewToKeep } from "../reviews/index.ts";
import type { Settings } from "../settings/index.ts";
import type { Run, RunRequest, StoredRun } from "../store/index.ts";
import type { ForgeOutbox } from "./outbox.ts";

/** Where runs are recorded, as whoever carries them out needs it. */
export interface RunRecords {
  /**
   * Begins the record of exactly this run, or goes on with that of an attempt before.
   * @throws {RunError}
   */
  start(request: RecordRequest): Promise<Run>;
  /** @throws {RunError} `unknown-run`. */
  find(name: string): Promise<StoredRun>;
}

/** A run of the queue that is to be recorded. */
export interface RecordRequest extends RunRequest {
  readonly id: string;
  readonly attempt: number;
  /** Throws in a transaction in which the attempt may not write any more. */
  readonly fence?: ((sql: Sql) => Promise<void>) | undefined;
}

/** What is remembered of production beside the records of runs. The same attempt counts once. */
export interface ProductionMemory {
  /** @throws {DatabaseError} */
  looked(look: ProductionLook, fence: Fence): Promise<unknown>;
  /** @throws {DatabaseError} */
  asked(traffic: RunTraffic, fence: Fence): Promise<unknown>;
}

/** Throws in a transaction in which an attempt may not write any more. */
type Fence = (sql: Sql) => Promise<void>;

/** What runs are carried out with. */
export interface WorkEnvironment {
  readonly records: RunRecords;
  readonly settings: Settings;
  /** Variables of this process: where credentials and tokens are. */
  readonly environment: NodeJS.ProcessEnv;
  /** What rules of credentials refer to, shared by all runs of the process; without it, each run asks for itself. */
  readonly credentialSources?: CredentialSources | undefined;
  /** A folder of this machine, absolute: mirrors of repositories, and the embedded registry. */
  readonly folder: string;
  /** The page of a run, for statuses and comments; `undefined` where nobody can look at one. */
  readonly pageOf: (run: { readonly job: string; readonly id: string }) => string | undefined;
  /** Milliseconds that what is under way gets when this process stops, before another takes the run up. */
  readonly grace: number;
  /** The pace of requests that all processes keep to together; without it, that of each run is its own. */
  readonly paceOf?: RegistriesOptions["paceOf"];
  /** A repository on its forge, with the approvals that stand elsewhere than there. @param url of the repository. */
  readonly withApprovals?: ((url: string, project: ForgeProject) => ForgeProject) | undefined;
  /** Keeps what a review has found, for whoever looks at the pull request. */
  readonly keepReview?: ((judged: ReviewToKeep, fence: Fence) => Promise<void>) | undefined;
  /** Where what forges are to be told is put. */
  readonly outbox: Pick<ForgeOutbox, "setStatus" | "putComment">;
  /** Keeps what a run plans, does or finds as a matrix of images and mirrors. */
  readonly matrixOf?: ((run: { readonly id: string; readonly attempt: number }) => MatrixWriter) | undefined;
  /** Where it is remembered what production was found to hold, and what was asked of hosts. */
  readonly production?: ProductionMemory | undefined;
  /** Told of all that a run tells while it goes on. */
  readonly heard?: ((event: RunEvent) => void) | undefined;
  /** Told of what could not be done beside a run's work, such as a status that no forge has taken. */
  readonly onProblem: (error: unknown) => void;
}
