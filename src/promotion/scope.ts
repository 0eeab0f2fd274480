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
  /** What is wrong with what is looked at. */
  readonly within: readonly Diagnostic[];
  /** What is wrong with the rest: it is mentioned, and counts for nothing. `undefined` when there is no rest. */
  readonly outside: readonly Diagnostic[] | undefined;
}

/**
 * Limits what a tree asks for. All of it has been judged before: an edge gets the verdict that it would get among all.
 * @throws {SelectionError} `nothing-selected`.
 */
export function scopeOf(tree: ManifestTree, { since, selection }: ScopeOptions): Scope {
  const compared = since && changedEdges(since.tree, tree);
  const found = since && foundSince(since.tree, tree);
  const changed = {
    edges: compared?.changed ?? edgesOf(tree.manifests),
    since: since && compared && sinceCommit(since, compared.changes),
    within: found?.introduced ?? tree.diagnostics,
  };
  if (selection === undefined) return { ...changed, selection, outside: found?.known };
  const { edges, selected } = selectEdges(changed.edges, tree, selection);
  const { within, others } = selectedFindings({ ...tree, diagnostics: changed.within }, selection);
  return { ...changed, edges, selection: selected, within, outside: [...(found?.known ?? []), ...others] };
}

/** The errors among findings. */
export function errorsAmong(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.filter(({ severity }) => severity === "error");
}
