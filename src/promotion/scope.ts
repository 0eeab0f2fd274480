import type { Diagnostic } from "../diagnostics/index.ts";
import {
  changedEdges,
  type EdgeSet,
  edgesOf,
  type Selected,
  type Selection,
  selectEdges,
  selectedFindings,
} from "../edges/index.ts";
import { type CommittedManifests, foundSince, type ManifestTree } from "../manifest/index.ts";
import { type Since, sinceCommit } from "./plan.ts";

/** How what a tree asks for is limited; without any of these, not at all. */
export interface ScopeOptions {
  /** Look only at what the tree asks for and these manifests did not. */
  readonly since?: CommittedManifests | undefined;
  /** Look only at what it selects. */
  readonly selection?: Selection | undefined;
}

/** What of a tree is looked at, and what is said of the rest. */
export interface Scope {
  readonly edges: EdgeSet;
  readonly since: Since | undefined;
  readonly selection: Selected | undefined;
  /** Errors of what is looked at. */
  readonly manifestErrors: readonly Diagnostic[];
  /** Errors of the rest: they are mentioned, and count for nothing. `undefined` when there is no rest. */
  readonly outsideErrors: readonly Diagnostic[] | undefined;
}

/**
 * Limits what a tree asks for. All of it has been judged before: an edge gets the verdict that it would get among all.
 * @throws {SelectionError} `nothing-selected`.
 */
export function scopeOf(tree: ManifestTree, { since, selection }: ScopeOptions): Scope {
  const compared = since && changedEdges(since.tree, tree);
  const found = since && foundSince(since.tree, tree);
  const edges = compared?.changed ?? edgesOf(tree.manifests);
  const introduced = errorsAmong(found?.introduced ?? tree.diagnostics);
  const known = found && errorsAmong(found.known);
  const limit = since && compared && sinceCommit(since, compared.changes);
  if (selection === undefined) {
    return { edges, since: limit, selection, manifestErrors: introduced, outsideErrors: known };
  }
  const { edges: left, selected } = selectEdges(edges, tree, selection);
  const { within, others } = selectedFindings({ ...tree, diagnostics: introduced }, selection);
  const outsideErrors = [...(known ?? []), ...others];
  return { edges: left, since: limit, selection: selected, manifestErrors: within, outsideErrors };
}

function errorsAmong(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.filter(({ severity }) => severity === "error");
}
