import { harmless, WaybillError } from "../errors/index.ts";
import type { Diagnostic, ManifestTree } from "../manifest/index.ts";
import type { Terminal } from "./terminal.ts";

/** Help for the argument that names manifests. */
export const manifestsArgument = "directory of thin manifests, or one plain manifest";

/**
 * Reads manifests for something that is done with them: says what is wrong with them and goes on with the rest.
 * @throws {WaybillError} `no-manifest` when there is no rest.
 */
export async function readForWork(path: string, terminal: Terminal): Promise<ManifestTree> {
  const { readManifests } = await import("../manifest/index.ts");
  const tree = await readManifests(path);
  for (const diagnostic of tree.diagnostics) {
    if (diagnostic.severity === "info") terminal.detail(formatDiagnostic(diagnostic));
    else terminal.say(formatDiagnostic(diagnostic));
  }
  if (tree.manifests.length === 0) {
    throw new WaybillError("no-manifest", "there is no manifest that can be read", {
      where: tree.path,
      hint: `look at what is wrong with: waybill check ${tree.path}`,
    });
  }
  return tree;
}

/** A finding in the form of compilers, so that editors jump to it: `file:line:column: severity: message [code]`. */
export function formatDiagnostic(
  { file, at, severity, message, code, hint, related }: Diagnostic,
  paint: (text: string) => string = (text) => text,
): string {
  return [
    `${place(file, at)}: ${paint(`${severity}:`)} ${harmless(message)} [${code}]`,
    ...(related ?? []).map((other) => `    ${place(other.file, other.at)}: ${harmless(other.message)}`),
    ...(hint === undefined ? [] : [`    hint: ${harmless(hint)}`]),
  ].join("\n");
}

function place(file: string, at: Diagnostic["at"]): string {
  const name = harmless(file);
  return at === undefined ? name : `${name}:${at.line}:${at.column}`;
}
