import type { ManifestTree } from "../manifest/index.ts";
import type { Registries } from "../registry/index.ts";
import type { ImageTrust } from "../trust/index.ts";
import type { Session } from "./session.ts";

/** What knows who vouches for images: by the settings, and by the policies of the manifests. @throws {SigstoreError} */
export async function trustFor(
  session: Session,
  tree: Pick<ManifestTree, "manifests" | "policyFile">,
  registries: Pick<Registries, "repository">,
): Promise<ImageTrust> {
  const { trustOf } = await import("../trust/index.ts");
  const { trust } = await session.settings();
  return trustOf({ tree, settings: trust, open: registries.repository });
}

/** Says which files of policies hold for what is promoted: one in another place holds nothing, and looks the same. */
export async function tellPolicies(
  { terminal, settings }: Pick<Session, "terminal" | "settings">,
  { policyFile }: Pick<ManifestTree, "policyFile">,
): Promise<void> {
  const { trust } = await settings();
  for (const file of [policyFile?.file, trust.policy])
    if (file !== undefined) terminal.note(`policies of ${file} hold`);
}
