import type { Database } from "../database/index.ts";
import type { Forge } from "../forge/index.ts";
import type { GitCredential } from "../git/index.ts";
import type { Queue } from "../queue/index.ts";
import type { HoldMeans } from "../release/index.ts";

/** All that commands stand on. */
export interface ChatWorld {
  readonly db: Database;
  readonly queue: Pick<Queue, "list">;
  /** The forge of a repository, as the user who answers. */
  readonly forgeOf: (url: string) => Promise<Pick<Forge, "kind" | "user" | "isMember" | "accountOf">>;
  /** The folder of Git's mirrors, absolute. */
  readonly mirrors: string;
  readonly maxMirrorBytes?: number | undefined;
  readonly environment: NodeJS.ProcessEnv;
  readonly credentialOf: (url: string) => Promise<GitCredential | undefined>;
  /** What a hold is; what is usual on the forge when left out. */
  readonly hold?: readonly HoldMeans[] | undefined;
  readonly now: () => Date;
  readonly signal?: AbortSignal | undefined;
}
