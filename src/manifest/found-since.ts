import { sep } from "node:path";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { ManifestTree } from "./model.ts";

/** A state of manifests, as far as its findings are concerned. */
type FoundIn = Pick<ManifestTree, "diagnostics" | "unreadable" | "texts">;

/** What a state of manifests has wrong, told apart by whether the state before had it too. */
export interface FoundSince {
  /** It came with the change, or stops something that the change asks for. */
  readonly introduced: readonly Diagnostic[];
  /** It was so before, and lies outside of the change. */
  readonly known: readonly Diagnostic[];
}

/**
 * Tells the findings of a state apart by whether the state before had them, so that who is judged by a change is not
 * judged by what others left behind. Lines move when a file is edited, so places do not count: the second of two like
 * findings is a new one. Nobody knows what a project asks for that cannot be read: when one of its files differs, its
 * findings came with the change.
 */
export function foundSince(before: FoundIn, after: FoundIn): FoundSince {
  const counts = new Map<string, number>();
  for (const found of before.diagnostics) counts.set(keyOf(found), (counts.get(keyOf(found)) ?? 0) + 1);
  const unread = after.unreadable.filter((project) => textsOf(project, before) !== textsOf(project, after));
  const introduced: Diagnostic[] = [];
  const known: Diagnostic[] = [];
  for (const found of after.diagnostics) {
    const count = counts.get(keyOf(found)) ?? 0;
    counts.set(keyOf(found), count - 1);
    const isTouched = unread.some((project) => isOf(project, found.file));
    (count > 0 && !isTouched ? known : introduced).push(found);
  }
  return { introduced, known };
}

function keyOf({ code, file, message }: Diagnostic): string {
  return `${code} ${file} ${message}`;
}

/** Whether a file is one of a project: it stands in a folder of its name, or is the plain manifest itself. */
function isOf(project: string, file: string): boolean {
  return file.split(sep).includes(project);
}

/** Fingerprints of the texts of a project's files, as one text that is another one when any of them is. */
export function textsOf(project: string, { texts = {} }: Pick<ManifestTree, "texts">): string {
  return Object.entries(texts)
    .filter(([file]) => isOf(project, file))
    .map((entry) => JSON.stringify(entry))
    .sort()
    .join("\n");
}
