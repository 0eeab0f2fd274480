import type { Network } from "../http/index.ts";
import { type CredentialSources, openCredentialSources } from "../registry/index.ts";
import type { Settings } from "../settings/index.ts";
import { openSigner, type Signer } from "../signing/index.ts";

/** What a signer of builds is opened with. */
export interface BuildSignerOptions {
  readonly settings: Pick<Settings, "trust" | "identities" | "secretManagers" | "hosts">;
  readonly environment: NodeJS.ProcessEnv;
  readonly network: Network;
  /** Those of a process that has some already. */
  readonly sources?: Pick<CredentialSources, "identities" | "secrets"> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Who signs the provenance of what is built, where the settings say so (`trust.builds`). Nothing is read yet.
 * @throws {SigningError} `signer-invalid`.
 */
export function buildSigner({ settings, sources, ...others }: BuildSignerOptions): Signer | undefined {
  const { builds: name = "", signers = {} } = settings.trust;
  const options = Object.hasOwn(signers, name) ? signers[name] : undefined;
  if (options === undefined) return undefined;
  const { identities, secrets } =
    sources ?? openCredentialSources({ settings, environment: others.environment });
  return openSigner(name, options, { ...others, identities, secrets });
}
