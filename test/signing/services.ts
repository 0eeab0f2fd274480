import { openIdentities } from "../../src/clouds/index.ts";
import { localSecrets } from "../../src/secrets/index.ts";
import type { SigningServices } from "../../src/signing/index.ts";

/** What signers need, with an environment of their own. */
export function signingServices(
  environment: NodeJS.ProcessEnv = {},
  others: Partial<SigningServices> = {},
): SigningServices {
  return {
    network: { environment: {} },
    environment,
    secrets: localSecrets(environment),
    identities: openIdentities({ identities: {}, network: { environment } }),
    ...others,
  };
}
