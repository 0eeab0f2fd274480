import { type Identities, openIdentities } from "../../clouds/index.ts";
import type { Network } from "../../http/index.ts";
import { openSecrets, type Secrets } from "../../secrets/index.ts";
import type { Settings } from "../../settings/index.ts";
import { type AskHelper, rememberingHelpers } from "./helper.ts";

/** What rules of credentials refer to: each answers once for all who use it, and again when that has ended. */
export interface CredentialSources {
  readonly environment: NodeJS.ProcessEnv;
  readonly askHelper: AskHelper;
  readonly identities: Identities;
  readonly secrets: Secrets;
}

/** Where they are. */
export interface SourceOrigins {
  readonly settings: Partial<Pick<Settings, "identities" | "secretManagers" | "hosts">>;
  readonly environment: NodeJS.ProcessEnv;
  readonly homeDir?: string | undefined;
  readonly trace?: Network["trace"];
}

/** Nothing is asked before it is needed. */
export function openCredentialSources(origins: SourceOrigins): CredentialSources {
  const { settings, environment, homeDir, trace } = origins;
  const { secretManagers = {}, hosts = {} } = settings;
  const network: Network = { environment, trace, tlsOf: (host) => hosts[host]?.tls };
  const identities = openIdentities({ identities: settings.identities ?? {}, network, homeDir });
  return {
    environment,
    askHelper: rememberingHelpers(environment),
    identities,
    secrets: openSecrets({ managers: secretManagers, identities, environment, homeDir }),
  };
}
