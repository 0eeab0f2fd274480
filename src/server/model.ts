import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { AccessSettings, Logins, Machines, Memberships } from "../access/index.ts";
import type { Audit, CommandOutcome, PageCommand } from "../chatops/index.ts";
import type { Database, Sql } from "../database/index.ts";
import type { Job, JobSet, LocatedJob } from "../jobs/index.ts";
import type { NotificationPreview, Telling } from "../notifications/index.ts";
import type { Queue } from "../queue/index.ts";
import type { Registries } from "../registry/index.ts";
import type { ProwArchive, RunDatabase } from "../store/index.ts";
import type { Delivery, WebhookSource } from "../webhooks/index.ts";
import type { ServedState } from "./about.ts";

/** The jobs as they are now. */
export interface ServedJobs {
  current(): JobSet;
  /** Whether they were ever read: before that, nothing is to be concluded from their absence. */
  areKnown(): boolean;
  /** Those who may approve the file of a job by `OWNERS`: logins, and teams as `org/team`. */
  ownersOf(job: LocatedJob): Promise<readonly string[]>;
  /** Takes a branch of jobs that was rewritten, as it is at a commit, for all who read it. */
  accept(sql: Sql, commit: string): Promise<void>;
  /** Has all who read them read them now. */
  readNow(sql: Sql): Promise<void>;
}

/** Whether what a commit asks for is in production. */
export interface PromotionState {
  readonly state: "promoted" | "waiting" | "failed" | "unknown";
  /** One line for people. */
  readonly text: string;
  /** The run that says so, or is waited for. */
  readonly run?: string | undefined;
}

/** A backup of the database, with how much is in it. */
export interface BackupToSend {
  readonly tables: number;
  readonly rows: number;
  readonly bytes: number;
  /** To be read or destroyed. */
  readonly body: Readable;
}

/** What the server stands on; it decides nothing itself. */
export interface ServerParts {
  readonly version: string;
  readonly db: Database;
  readonly queue: Queue;
  readonly runs: Pick<RunDatabase, "find" | "follow">;
  /** Buckets that Prow has left runs in, which are shown beside those of this server. */
  readonly archives: readonly ProwArchive[];
  readonly jobs: ServedJobs;
  readonly access: {
    readonly settings: AccessSettings;
    readonly logins: Logins;
    readonly machines: Machines;
    /** Who asks whether people still belong to their groups; without it, those of their login count. */
    readonly memberships?: Memberships | undefined;
  };
  readonly webhooks: {
    readonly sources: readonly WebhookSource[];
    /** Keeps a delivery: it outlives this process when this resolves. */
    accept(delivery: Delivery): Promise<unknown>;
  };
  /** What a scraper is told of this process, and what is counted of deliveries. */
  readonly metrics?:
    | {
        read(): Promise<{ readonly type: string; readonly text: string }>;
        delivered(source: string, event: string, outcome: "accepted" | "refused" | "failed"): void;
      }
    | undefined;
  /** What it knows of itself and its settings. */
  readonly state: ServedState;
  /** What would be told of a job, to whom, and in which words; nothing is sent. */
  previewOf(job: Job, telling: Telling): Promise<readonly NotificationPreview[]>;
  /** Whether a promotion job has brought a commit to production. */
  promotionOf(job: Job, commit: string): Promise<PromotionState>;
  /** Obeys a command to a pull request that somebody gives on a page; without it, commands are given under pull requests alone. */
  commandPull?(asked: Omit<PageCommand, "jobs" | "project">, audit: Audit): Promise<CommandOutcome>;
  /** Reads something of registries, within bounds, with credentials that only read. */
  withRegistries<Result>(read: (open: Registries["repository"]) => Promise<Result>): Promise<Result>;
  /** Makes a backup of all that the database has. */
  backUp(): Promise<BackupToSend>;
  /** The address that people know it by: a scheme and a host, without a path. */
  readonly publicUrl: URL;
  /** Addresses and networks of those who hand requests on, and whose word for where these come from is taken. */
  readonly trustedProxies: readonly string[];
  /** Why it is not to get requests, beside its database; `undefined` when it may. */
  whyUnready(): Promise<string | undefined>;
  /** What goes wrong in the server itself; what is told of it holds no secret. */
  readonly onProblem: (error: unknown, request: string) => void;
  /** When it is aborted, streams end, so that those who listen go to another server. */
  readonly stopping: AbortSignal;
  readonly now?: (() => Date) | undefined;
}

/** Where a request has come in. */
export interface RequestOrigin {
  /** Of the one who asks, where it is known. */
  readonly address?: string | undefined;
  /** Where the answer goes: streams are written there without anything between, because there are many of them. */
  readonly outgoing?: ServerResponse | undefined;
  /** The same object for all that one page is made of, and for nothing else: who looks at it is found out once for what it reads. */
  readonly visit?: object | undefined;
}

/** The server, to be given requests. */
export interface App {
  fetch(request: Request, from?: RequestOrigin): Promise<Response>;
}
