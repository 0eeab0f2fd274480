import type { SignerIdentity } from "../signing/index.ts";
import type { ImageSigning } from "../trust/index.ts";
import { networkFor } from "./registries.ts";
import type { Session } from "./session.ts";

/**
 * What the settings sign of what is promoted; `undefined` where they ask for nothing.
 * @param as Whose signatures are looked for instead, by whom nothing is signed.
 */
export async function signingFor(
  session: Session,
  manifests: string,
  as?: SignerIdentity,
): Promise<ImageSigning | undefined> {
  const settings = await session.settings();
  if (settings.trust.sign === undefined && as === undefined) return undefined;
  const { openCredentialSources } = await import("../registry/index.ts");
  const { signingBySettings } = await import("../trust/index.ts");
  const { env: environment, terminal } = session;
  const { secrets, identities } = openCredentialSources({ settings, environment });
  return signingBySettings({
    settings: settings.trust,
    ...{ manifests, as },
    network: await networkFor(session),
    ...{ environment, secrets, identities },
    listener: ({ host, milliseconds, reason }) =>
      terminal.note(`waiting ${Math.ceil(milliseconds / 1000)} s for ${host} (${reason})`),
  });
}
