import { relative } from "node:path";
import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Selection } from "../edges/index.ts";
import { shellLine, WaybillError } from "../errors/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import type { Session } from "./session.ts";

export const manifestsArgument = "folder of thin manifests, or one plain manifest";

/** Adds the argument that names the tree of manifests that a verb works on. */
export function withTree<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command.argument("[tree]", manifestsArgument, ".");
}

/**
 * Reads manifests for something that is done with them: says what is wrong with them, or with what is selected of them, and goes on
 * with the rest.
 * @throws {WaybillError} `no-manifest` when there is no rest.
 */
export async function readForWork(
  path: string,
  { terminal, line }: Pick<Session, "terminal" | "line">,
  selection?: Selection,
): Promise<ManifestTree> {
  const { readManifests } = await import("../manifest/index.ts");
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  const tree = await readManifests(path);
  for (const diagnostic of await findingsOf(tree, selection)) {
    if (diagnostic.severity === "info") terminal.detail(formatDiagnostic(diagnostic));
    else terminal.say(formatDiagnostic(diagnostic));
  }
  if (tree.manifests.length === 0) {
    throw new WaybillError("no-manifest", "there is no manifest that can be read", {
      where: tree.path,
      hint: isNamedByNobody(tree, line)
        ? nameTree(line)
        : `look at what is wrong with: waybill check ${tree.path}`,
    });
  }
  return tree;
}

/** Refuses a folder that nobody has named and that has nothing of a tree, before a registry is asked anything. @throws {WaybillError} `no-manifest`. */
export async function refuseNoTree(path: string, { line }: Pick<Session, "line">): Promise<void> {
  if (path !== ".") return;
  const { readManifests } = await import("../manifest/index.ts");
  const tree = await readManifests(path, { imagesOf: () => false });
  if (!isNamedByNobody(tree, line)) return;
  throw new WaybillError("no-manifest", "there is no manifest to merge into", {
    where: tree.path,
    hint: nameTree(line),
  });
}

function nameTree({ verb, words }: Session["line"]): string {
  return `this folder has no images/ and manifests/, and no other is named: ${shellLine(["waybill", verb, "TREE", ...words])}`;
}

/** The folder that a verb works on when no other is named, which has nothing of a tree of manifests. */
function isNamedByNobody({ path, diagnostics }: ManifestTree, { words }: Session["line"]): boolean {
  const isBare = diagnostics.filter(({ code }) => code === "missing-directory").length === 2;
  return path === "." && isBare && words.every((word) => relative(path, word) !== "");
}

/** What is wrong with manifests, or with what is selected of them. */
export async function findingsOf(
  tree: ManifestTree,
  selection: Selection | undefined,
): Promise<ManifestTree["diagnostics"]> {
  if (selection === undefined) return tree.diagnostics;
  const { selectedFindings } = await import("../edges/index.ts");
  return selectedFindings(tree, selection).within;
}
