import { realpath } from "node:fs/promises";
import { diskFaultOf, errorCodeOf, readRegular, replaceFile } from "../disk/index.ts";
import { type Selection, selectProjects } from "../edges/index.ts";
import type { ManifestTree, PromoterManifest } from "../manifest/index.ts";
import { type AdditionOptions, type MergePlan, planAddition, readManifestText } from "./addition.ts";
import { findCandidates, type StagingAccess } from "./candidates.ts";
import { MergeError } from "./errors.ts";
import { compileFilters, type MergeFilters } from "./filters.ts";
import { explainNothing } from "./nothing.ts";
import { attachedOrigins, type ImageOrigin } from "./origins.ts";
import { readStaging, type StagingReading } from "./staging.ts";
import { findTarget, readTree, withoutSlash } from "./target.ts";

/** What to take from where, and in which form to write it. */
export interface MergeOptions extends StagingAccess, AdditionOptions {
  /** The staging registry, as the source of one of the manifests names it. */
  readonly staging: string;
  /** Merge into a project that is selected, where several promote from the staging registry; into the first when left out. */
  readonly selection?: Selection | undefined;
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
  const written = await carryOut(plan, options);
  return { ...plan, written, ...(await attachedOrigins(withoutSlash(options.staging), plan.added, options)) };
}

/** Writes a planned merge, unless it is a dry run or changes nothing. @returns Whether it was written. */
export async function carryOut(plan: MergePlan, { dryRun }: { readonly dryRun?: boolean }): Promise<boolean> {
  if (dryRun === true || plan.after === plan.before) return false;
  await writeMerge(plan);
  return true;
}

/**
 * What {@link merge} would do. Reads only what the filters need.
 * @throws {MergeError} `no-manifest`, `unknown-staging`, `invalid-filter`, `images-unknown`, `empty-staging`, `nothing-chosen`, each
 * with a suggestion; `staging-unread` and `production-unread` when a registry could not be read; `no-image` for a
 * digest that is no image; `refused`, with all tags that stand at other digests in the manifests or in production;
 * `manifest-unreadable`, `manifest-invalid`.
 * @throws {SelectionError} `nothing-selected`.
 * @throws {ManifestEditError} for a file that cannot be edited without damage.
 */
export async function planMerge(options: MergeOptions): Promise<MergePlan> {
  const { tree, selection } = options;
  const staging = withoutSlash(options.staging);
  const isTarget = ({ source }: Pick<PromoterManifest, "source">) => source.name === staging;
  const read = await readTree(tree, { imagesOf: isTarget });
  const projects = selection === undefined ? read.manifests : selectProjects(read, selection);
  const { manifest, warnings: others } = findTarget({ ...read, manifests: projects }, options.staging);
  const { explain, chosen, before, warnings } = await chooseFrom(manifest, read, options);
  if (chosen.length === 0) throw await explain();
  const plan = await planAddition({ read, manifest, before, chosen }, options);
  return { ...plan, warnings: [...others, ...warnings, ...plan.warnings] };
}

/** What filters choose from the staging registry of a manifest. */
export interface Choice extends StagingReading {
  /** The text of the manifest's file of images, from before anything was read. */
  readonly before: string;
  /** Why nothing was chosen. */
  readonly explain: () => Promise<MergeError>;
}

/**
 * Reads the staging registry of a manifest.
 * @throws {MergeError} as {@link planMerge}, but not when nothing is chosen.
 */
export async function chooseFrom(
  manifest: PromoterManifest,
  { manifests }: Pick<ManifestTree, "manifests">,
  options: StagingAccess & Pick<MergeOptions, "filters">,
): Promise<Choice> {
  const staging = manifest.source.name;
  const sources = manifests.map(({ source }) => source.name);
  const filters = await compileFilters(options.filters ?? {}, {
    staging,
    others: sources.filter((source) => source !== staging),
  });
  const before = await readManifestText(manifest);
  const known = [...new Set(manifest.images.map(({ name }) => name))];
  const { candidates, warnings } = await findCandidates(staging, known, filters.images, options);
  const { chosen, ...reading } = await readStaging(staging, candidates, filters, options);
  const explain = () => explainNothing(staging, known, filters, options);
  return { ...reading, before, chosen, warnings: [...warnings, ...reading.warnings], explain };
}

/**
 * Writes a planned merge in one step: whoever reads the manifest sees the old text or the new one, even after a crash. The file
 * keeps its mode; where its path is a link, the file it leads to is replaced.
 * @throws {MergeError} `manifest-changed` when the file is no longer what the plan was made from, `write-failed` when the file
 * system refuses; the file is then as it was.
 */
export async function writeMerge({
  file: path,
  before,
  after,
}: Pick<MergePlan, "file" | "before" | "after">): Promise<void> {
  try {
    const file = await realpath(path);
    const check = async (): Promise<void> => {
      const now = await readRegular(file, Buffer.byteLength(before)).catch((error: unknown) => {
        throw errorCodeOf(error) === "EFBIG" ? changed(path) : error;
      });
      if (now.toString() !== before) throw changed(path);
    };
    await replaceFile(file, after, { check });
  } catch (cause) {
    if (cause instanceof MergeError) throw cause;
    const { message, hint } = diskFaultOf(cause);
    const details = { where: path, hint, cause };
    throw new MergeError("write-failed", `the manifest could not be written: ${message}`, details);
  }
}

function changed(path: string): MergeError {
  return new MergeError("manifest-changed", "the file was changed by somebody else in the meantime", {
    where: path,
    hint: "run the merge again",
  });
}
