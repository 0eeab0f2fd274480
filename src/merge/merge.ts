import { type PromoterManifest, readManifests } from "../manifest/index.ts";
import { type AdditionOptions, type MergePlan, planAddition, readManifestText } from "./addition.ts";
import { findCandidates, type StagingAccess } from "./candidates.ts";
import { compileFilters, type MergeFilters } from "./filters.ts";
import { explainNothing } from "./nothing.ts";
import { attachedOrigins, type ImageOrigin } from "./origins.ts";
import { replaceFile } from "./replace-file.ts";
import { readStaging } from "./staging.ts";
import { findTarget, withoutSlash } from "./target.ts";

/** What to take from where, and in which form to write it. */
export interface MergeOptions extends StagingAccess, AdditionOptions {
  /** The staging registry, as the source of one of the manifests names it. */
  readonly staging: string;
  readonly filters?: MergeFilters;
}

/** A merge that was made, or would be. */
export interface MergeResult extends MergePlan {
  /** Whether the file was written: never by a dry run, nor when there was nothing to change. */
  readonly written: boolean;
  /** What built the added images, of those where it is known. */
  readonly origins: readonly ImageOrigin[];
  /** What could not be found out, and does not matter to the merge. */
  readonly notes: readonly string[];
}

/**
 * Reads a staging registry, keeps what the filters choose, and adds it to the manifest that promotes from there: the
 * work of the incumbents' `cip-mm`. Writes the file in one step, unless `dryRun`.
 * @throws as {@link planMerge} and {@link writeMerge}.
 */
export async function merge(options: MergeOptions & { readonly dryRun?: boolean }): Promise<MergeResult> {
  const plan = await planMerge(options);
  const written = options.dryRun !== true && plan.after !== plan.before;
  if (written) await writeMerge(plan);
  return { ...plan, written, ...(await attachedOrigins(withoutSlash(options.staging), plan.added, options)) };
}

/**
 * What {@link merge} would do. Reads only what the filters need.
 * @throws {MergeError} `unknown-staging`, `invalid-filter`, `images-unknown`, `empty-staging`, `nothing-chosen`, each
 * with a suggestion; `staging-unread` and `production-unread` when a registry could not be read; `no-image` for a
 * digest that is no image; `refused`, with all tags that stand at other digests in the manifests or in production;
 * `manifest-unreadable`, `manifest-invalid`.
 * @throws {ManifestEditError} for a file that cannot be edited without damage.
 */
export async function planMerge(options: MergeOptions): Promise<MergePlan> {
  const { tree } = options;
  const staging = withoutSlash(options.staging);
  const isTarget = ({ source }: Pick<PromoterManifest, "source">) => withoutSlash(source.name) === staging;
  const read = typeof tree === "string" ? await readManifests(tree, { imagesOf: isTarget }) : tree;
  const { manifest, warnings: others } = findTarget(read, options.staging);
  const filters = compileFilters(options.filters ?? {});
  const before = await readManifestText(manifest);
  const known = [...new Set(manifest.images.map(({ name }) => name))];
  const { candidates, warnings } = await findCandidates(staging, known, filters.images, options);
  const reading = await readStaging(staging, candidates, filters, options);
  if (reading.chosen.length === 0) throw await explainNothing(staging, known, filters, options);
  const plan = await planAddition({ read, manifest, before, chosen: reading.chosen }, options);
  return { ...plan, warnings: [...others, ...warnings, ...reading.warnings, ...plan.warnings] };
}

/**
 * Writes a planned merge: to a temporary file beside the manifest, which then takes its name and mode.
 * @throws {MergeError} `manifest-changed` when the file is no longer what the plan was made from, `write-failed`.
 */
export async function writeMerge(plan: MergePlan): Promise<void> {
  await replaceFile(plan.file, plan.before, plan.after);
}
