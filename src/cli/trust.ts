import type { Diagnostic } from "../diagnostics/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import type { Registries } from "../registry/index.ts";
import type { ImageTrust } from "../trust/index.ts";
import type { Session } from "./session.ts";

/** What knows who vouches for images: by the settings, and by the policies of the manifests. @throws {SigstoreError} */
export async function trustFor(
  session: Session,
  tree: Pick<ManifestTree, "manifests" | "policyFile" | "namedPolicy">,
  registries: Pick<Registries, "repository">,
): Promise<ImageTrust> {
  const { trustOf } = await import("../trust/index.ts");
  const { trust } = await session.settings();
  return trustOf({ tree, settings: trust, open: registries.repository });
}

/**
 * Says which files of policies hold for what is promoted, and what is wrong with them under these settings: a file in another place
 * holds nothing, and looks the same.
 */
export async function tellPolicies(
  { terminal, settings }: Pick<Session, "terminal" | "settings">,
  tree: Pick<ManifestTree, "policyFile" | "diagnostics">,
): Promise<void> {
  const { trust } = await settings();
  const { policyFile } = tree;
  if (policyFile === undefined && trust.policy === undefined) return;
  const { policyFindings } = await import("../check/index.ts");
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  const told = new Set(tree.diagnostics.map((each) => formatDiagnostic(each)));
  const found = await policyFindings(tree, trust);
  for (const diagnostic of found) {
    const words = formatDiagnostic(diagnostic);
    if (diagnostic.severity !== "info" && !told.has(words)) terminal.say(words);
  }
  for (const file of [policyFile?.file, trust.policy])
    if (file !== undefined) terminal.note(policiesInWords(file, found));
}

/** What is said of a file of policies: whether they hold, or why no image passes. */
export function policiesInWords(
  file: string,
  found: readonly Pick<Diagnostic, "file" | "severity">[],
): string {
  const isBroken = found.some((each) => each.file === file && each.severity === "error");
  return isBroken
    ? `policies of ${file} have errors: no image passes until these are mended`
    : `policies of ${file} hold`;
}
