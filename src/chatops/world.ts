import type { Database, Sql } from "../database/index.ts";
import type { Forge, ForgeProject, PullRequest } from "../forge/index.ts";
import type { GitCredential } from "../git/index.ts";
import type { Job } from "../jobs/index.ts";
import type { Asked, Queue, RunCause } from "../queue/index.ts";
import type { HoldMeans } from "../release/index.ts";

/** A pull request under which somebody may have said something. */
export interface HeededPull {
  /** URL of the repository, as the jobs have it. */
  readonly url: string;
  readonly project: ForgeProject;
  readonly pull: PullRequest;
  /** What stands there was said before anybody listened. */
  readonly isFirst: boolean;
}

/** All that commands stand on. */
export interface ChatWorld {
  readonly db: Database;
  readonly queue: Pick<Queue, "list">;
  /** The forge of a repository, as the user who answers. */
  readonly forgeOf: (url: string) => Promise<Pick<Forge, "kind" | "user" | "isMember">>;
  /** The jobs of the pull requests that are for a branch of a repository, whatever they change. */
  readonly pullJobs: (url: string, branch: string) => readonly Job[];
  /** Asks for a job of a pull request, within a transaction. */
  readonly ask: (sql: Sql, job: Job, pull: PullRequest, cause: RunCause) => Promise<Asked>;
  /** The folder of Git's mirrors, absolute. */
  readonly mirrors: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly credentialOf: (url: string) => Promise<GitCredential | undefined>;
  /** What a hold is; what is usual on the forge when left out. */
  readonly hold?: readonly HoldMeans[] | undefined;
  readonly now: () => Date;
  readonly signal?: AbortSignal | undefined;
}
