import pLimit from "p-limit";
import { type Selection, selectProjects } from "../edges/index.ts";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import type { ManifestTree, PromoterManifest } from "../manifest/index.ts";
import { type AdditionOptions, planAddition } from "./addition.ts";
import type { StagingAccess } from "./candidates.ts";
import { MergeError } from "./errors.ts";
import type { MergeFilters } from "./filters.ts";
import { type Choice, carryOut, chooseFrom, type MergeResult } from "./merge.ts";
import { attachedOrigins } from "./origins.ts";
import { readTree, withImages } from "./target.ts";

/** What to take from the staging registries of which projects. */
export interface ProjectsMergeOptions extends StagingAccess, AdditionOptions {
  /** Selects the projects, by their names and by where they promote to. Images and tags are chosen by the filters. */
  readonly selection: Selection;
  readonly filters?: MergeFilters;
  readonly dryRun?: boolean;
  /** No project is begun once it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** A project, and where its images come from. */
export interface MergedProject {
  readonly project: string;
  /** Its staging registry; absent when its manifest cannot be read. */
  readonly staging?: string | undefined;
}

/** What came of merging into several projects. */
export interface ProjectsMergeResult {
  /** In the order of the tree. */
  readonly merges: readonly MergeResult[];
  /** Projects that were not named, but found by a pattern, and of which the filters choose nothing. */
  readonly nothing: readonly MergedProject[];
  /** Projects into which nothing was merged, each with why: their files are as they were. */
  readonly failures: readonly (MergedProject & { readonly failure: FailureRecord })[];
}

/** Projects whose staging registries are read at the same time. */
const projectsAtOnce = 8;

/**
 * Merges into each selected project what the filters choose of its staging registry, as `merge` does for one. One that fails
 * stops no other. Projects are written one after the other, so that each is checked against what the ones before it got.
 * @throws {SelectionError} `nothing-selected`, {@link MergeError} `no-manifest`, and `nothing-chosen` when the filters choose nothing of any project,
 * unless all that they choose is too old.
 */
export async function mergeProjects(options: ProjectsMergeOptions): Promise<ProjectsMergeResult> {
  const { selection } = options;
  let tree = await readTree(options.tree);
  const projects = selectProjects(tree, selection);
  const unreadable = tree.unreadable.filter((project) => selection.projects.matches(project));
  const failures = unreadable.map((project) => ({ project, failure: failureRecord(cannotBeRead(tree)) }));
  const nothing: MergedProject[] = [];
  const merges: MergeResult[] = [];
  const choices = await pLimit(projectsAtOnce).map(projects, (manifest) => choose(manifest, tree, options));
  for (const [at, manifest] of projects.entries()) {
    const merged = { project: manifest.project, staging: manifest.source.name };
    try {
      const choice = choices[at];
      if (choice === undefined || "error" in choice) throw choice?.error;
      if (choice.chosen.length > 0) {
        const result = await mergeChosen(manifest, choice, tree, options);
        merges.push(result);
        tree = withImages(tree, manifest, result.after).tree;
      } else if (selection.projects.exact.has(manifest.project)) throw await choice.explain();
      else nothing.push(merged);
    } catch (error) {
      failures.push({ ...merged, failure: failureRecord(error) });
    }
  }
  const isTooOld = choices.some((choice) => "passes" in choice && choice.passes);
  if (merges.length === 0 && failures.length === 0 && !isTooOld) {
    throw new MergeError("nothing-chosen", `the filters choose nothing of ${nothing.length} projects`, {
      where: tree.path,
      hint: "look for typing errors in what they name, or name one project, for the nearest names in its staging registry",
    });
  }
  return { merges, nothing, failures };
}

async function choose(
  manifest: PromoterManifest,
  tree: ManifestTree,
  options: ProjectsMergeOptions,
): Promise<Choice | { readonly error: unknown }> {
  try {
    refuseStopped(options);
    return await chooseFrom(manifest, tree, options);
  } catch (error) {
    return { error };
  }
}

async function mergeChosen(
  manifest: PromoterManifest,
  { before, chosen, warnings }: Choice,
  tree: ManifestTree,
  options: ProjectsMergeOptions,
): Promise<MergeResult> {
  refuseStopped(options);
  const plan = await planAddition({ read: tree, manifest, before, chosen }, { ...options, tree });
  const written = await carryOut(plan, options);
  const origins = await attachedOrigins(manifest.source.name, plan.added, options);
  return { ...plan, warnings: [...warnings, ...plan.warnings], written, ...origins };
}

function refuseStopped({ signal }: ProjectsMergeOptions): void {
  if (signal?.aborted) throw new WaybillError("interrupted", "the merge was stopped before this project");
}

function cannotBeRead({ path }: ManifestTree): MergeError {
  return new MergeError("manifest-unreadable", "the project's manifest cannot be read", {
    where: path,
    hint: `look at what is wrong with: waybill check ${path}`,
  });
}
