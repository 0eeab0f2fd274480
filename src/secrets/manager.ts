import type { CloudServices, Identities } from "../clouds/index.ts";
import { SecretError } from "./errors.ts";

/** Who keeps secrets: each has a file of its own. */
export interface SecretManager {
  /** The secret at a path, as it is kept. @throws {SecretError}, {@link CloudError} */
  read(path: string): Promise<KeptSecret>;
}

/** A text, or fields by their names. */
export type KeptSecret = string | Readonly<Record<string, unknown>>;

/** What they ask with. */
export interface ManagerContext {
  readonly identities: Identities;
  readonly environment: NodeJS.ProcessEnv;
  readonly home: string;
  readonly services?: CloudServices | undefined;
}

/** A path that none of them could have. */
export function badPath(path: string, form: string): SecretError {
  return new SecretError("secret-invalid", `${JSON.stringify(path.slice(0, 100))} names no secret there`, {
    hint: `expected ${form}`,
  });
}
