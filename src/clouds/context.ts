import type { CloudWire } from "./wire.ts";

/** What all who find out who this process is need. */
export interface CloudContext {
  readonly environment: NodeJS.ProcessEnv;
  /** The user's home directory. */
  readonly home: string;
  readonly wire: CloudWire;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Where the services of clouds are, for tests; those that the clouds' documents name without it. */
  readonly services?: CloudServices | undefined;
}

/** Origins of services, in place of the clouds' own. */
export interface CloudServices {
  readonly googleSts?: string;
  readonly googleIam?: string;
  readonly googleOauth?: string;
  readonly googleSecrets?: string;
}
