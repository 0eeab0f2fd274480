import type { BuiltImages } from "../builds/index.ts";
import { firstOf } from "../diagnostics/index.ts";
import { type Selection, selectProjects } from "../edges/index.ts";
import { edgeKey, type ManifestTree, type PromoterManifest } from "../manifest/index.ts";
import { type Digest, isTag, parseTag, type Tag } from "../oci/index.ts";
import { type AdditionOptions, type MergePlan, planAddition, readManifestText } from "./addition.ts";
import type { StagingAccess } from "./candidates.ts";
import { MergeError } from "./errors.ts";
import { compileFilters, type Filters, type ImageFilters } from "./filters.ts";
import { carryOut, type MergeResult } from "./merge.ts";
import type { ImageOrigin } from "./origins.ts";
import { type LeftOutImage, type PlacedImage, placeImages, sourceOf } from "./place-images.ts";
import { type ChosenImage, tagTaker } from "./staging.ts";
import { findTarget, readTree, withImages, withoutSlash } from "./target.ts";

/** What to take from the record of a run. */
export interface RunMergeOptions extends AdditionOptions, Pick<StagingAccess, "open"> {
  readonly run: BuiltImages;
  /** Only what belongs to this staging registry; what belongs to any of the manifests when it is left out. */
  readonly staging?: string | undefined;
  /** Merge only into projects that are selected; into all when it is left out. */
  readonly selection?: Selection | undefined;
  readonly filters?: ImageFilters;
  /** The release tag under which images are listed, instead of the tags that the run gave them. */
  readonly as?: string | undefined;
}

/** What a run has for the manifests: one plan for each project. */
export interface RunMergePlan {
  readonly plans: readonly MergePlan[];
  /** Of all added images, from the record of the run. */
  readonly origins: readonly ImageOrigin[];
  /** Images that pass the filters and have no place in the manifests. */
  readonly leftOut: readonly LeftOutImage[];
}

/** The same, after it was written. */
export interface RunMergeResult {
  readonly run: BuiltImages["run"];
  readonly merges: readonly MergeResult[];
  readonly leftOut: readonly LeftOutImage[];
}

/**
 * Adds exactly what a run built to the manifests that promote it: the digests and tags of its record. Nothing is listed;
 * only that staging has the digests is looked up. No file is written before all of them could be.
 * @throws as {@link planRunMerge} and {@link writeMerge}.
 */
export async function mergeRun(
  options: RunMergeOptions & { readonly dryRun?: boolean },
): Promise<RunMergeResult> {
  const { plans, origins, leftOut } = await planRunMerge(options);
  const merges: MergeResult[] = [];
  for (const plan of plans) {
    const written = await carryOut(plan, options).catch((error: unknown) => {
      throw afterOthers(error, merges);
    });
    const added = new Set(plan.added.map(({ image, digest }) => `${image}@${digest}`));
    merges.push({
      ...plan,
      written,
      origins: origins.filter(({ image, digest }) => added.has(`${image}@${digest}`)),
      notes: [],
    });
  }
  return { run: options.run.run, merges, leftOut };
}

/**
 * What {@link mergeRun} would do.
 * @throws {SelectionError} `nothing-selected`.
 * @throws {MergeError} `no-manifest`, `run-empty`, `invalid-filter`, `nothing-chosen`; `unknown-staging` when no image has a place in
 * the manifests; `tag-not-unique` when `as` would name several digests of one image; and what {@link planAddition}
 * throws.
 */
export async function planRunMerge(options: RunMergeOptions): Promise<RunMergePlan> {
  const { run, tree } = options;
  const name = `${run.run.job}/${run.run.id}`;
  if (run.images.length === 0) {
    throw new MergeError("run-empty", "the run pushed no images", { where: name });
  }
  const filters = await compileFilters(options.filters ?? {});
  const isAsked = ({ source }: Pick<PromoterManifest, "source">) =>
    options.staging === undefined || source.name === withoutSlash(options.staging);
  const mayHold = (project: Pick<PromoterManifest, "source">) =>
    isAsked(project) && run.images.some((image) => sourceOf(project, image) !== undefined);
  const read = await readTree(tree, { imagesOf: mayHold });
  if (options.staging !== undefined) findTarget(read, options.staging);

  const projects = options.selection === undefined ? read.manifests : selectProjects(read, options.selection);
  const { placed: all, leftOut } = placeImages(read.manifests.filter(isAsked), run.images, filters.images);
  const stagings = new Set(projects.map(({ source }) => source.name));
  const placed = all.filter(({ staging }) => stagings.has(staging));
  if (all.length === 0 && leftOut.length > 0) throw noPlace(leftOut, read, name);
  const chosen = choose(placed, filters, options.as);
  if (chosen.size === 0) throw nothingChosen(run, name);
  const plans: MergePlan[] = [];
  const planned = new Set<PromoterManifest>();
  let current = read;
  for (const [staging, images] of chosen) {
    const { manifest, warnings } = findTarget({ ...read, manifests: projects }, staging);
    const before = await readManifestText(manifest);
    const plan = await whereItIs(placed, staging, () =>
      planAddition({ read: current, manifest, before, chosen: images, planned }, options),
    );
    plans.push({ ...plan, warnings: [...warnings, ...plan.warnings] });
    // What one project gets must not contend with what the ones before it get.
    const next = withImages(current, manifest, plan.after);
    planned.add(next.manifest);
    current = next.tree;
  }
  return { plans, origins: originsOf(run, plans), leftOut };
}

/** A failure to write, which says what has been written before it. */
function afterOthers(error: unknown, merges: readonly MergeResult[]): unknown {
  const files = merges.flatMap(({ file, written }) => (written ? [file] : []));
  if (!(error instanceof MergeError) || files.length === 0) return error;
  const { code, message, where, hint } = error;
  const text = `${message}; merged before that: ${files.join(", ")}`;
  return new MergeError(code, text, { where, hint, cause: error });
}

/** The images of each staging registry, with the tags that they are to be listed with. */
function choose(
  placed: readonly PlacedImage[],
  filters: Filters,
  as: string | undefined,
): Map<string, ChosenImage[]> {
  const takes = tagTaker(filters.tags);
  const chosen = new Map<string, Map<string, ChosenImage & { readonly tags: readonly Tag[] }>>();
  for (const { staging, image, built } of placed) {
    if (!filters.digests.passes(built.digest)) continue;
    const tags = built.tags.filter(isTag).filter(takes);
    const isNamed = filters.tags.isOpen && filters.digests.exact.has(built.digest);
    if (tags.length === 0 && !isNamed) continue;
    const images = chosen.get(staging) ?? new Map();
    const key = `${image}@${built.digest}`;
    const known = images.get(key)?.tags ?? [];
    const listed = as === undefined ? tags : [parseTag(as)];
    images.set(key, {
      image,
      digest: built.digest,
      tags: [...new Set([...known, ...listed])],
      found: undefined,
    });
    chosen.set(staging, images);
  }
  const result = new Map([...chosen].map(([staging, images]) => [staging, [...images.values()]]));
  if (as !== undefined) for (const [staging, images] of result) refuseTwins(staging, images, as);
  return result;
}

/** A release tag stands for one digest: a run that built variants of an image has several. */
function refuseTwins(staging: string, images: readonly ChosenImage[], as: string): void {
  const digests = new Map<string, Digest[]>();
  for (const { image, digest } of images) digests.set(image, [...(digests.get(image) ?? []), digest]);
  for (const [image, several] of digests) {
    if (several.length < 2) continue;
    throw new MergeError("tag-not-unique", `${as} would stand for ${several.length} digests of ${image}`, {
      where: `${staging}/${image}`,
      hint: `choose one with --tag or --digest: ${several.join(", ")}`,
    });
  }
}

/** Says of an image that staging does not have where the run pushed it, which may be the embedded registry. */
async function whereItIs<Result>(
  placed: readonly PlacedImage[],
  staging: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MergeError) || error.code !== "no-image") throw error;
    const elsewhere = placed.find(
      (each) => each.staging === staging && each.built.repository !== `${staging}/${each.image}`,
    );
    if (elsewhere === undefined) throw error;
    throw new MergeError(error.code, error.message, {
      where: error.where,
      hint:
        `the run pushed it to ${elsewhere.built.repository}: copy it to staging, ` +
        `or say under locations in waybill.yaml that ${staging} is there`,
      cause: error,
    });
  }
}

function originsOf({ run, source, images }: BuiltImages, plans: readonly MergePlan[]): ImageOrigin[] {
  const built = new Set(images.map(({ digest }) => digest));
  const origins = new Map<string, ImageOrigin>();
  for (const edge of plans.flatMap(({ added }) => added)) {
    const digest = [...built].find((each) => each === edge.digest);
    if (digest === undefined) continue;
    origins.set(edgeKey({ ...edge, tag: undefined }), {
      ...{ image: edge.image, digest, from: "run" },
      run: `${run.job}/${run.id}`,
      source: source.repository,
      commit: source.commit,
      isDirty: source.isDirty || undefined,
    });
  }
  return [...origins.values()];
}

function noPlace(leftOut: readonly LeftOutImage[], { path }: ManifestTree, run: string): MergeError {
  const sentences = leftOut.map(({ message }) => message);
  return new MergeError("unknown-staging", `nothing of run ${run} has a place:\n${sentences.join("\n")}`, {
    where: path,
    hint: leftOut[0]?.hint,
  });
}

function nothingChosen({ images }: BuiltImages, run: string): MergeError {
  const names = images.map(({ name, tags }) => [name, ...tags.slice(0, 2)].join(":"));
  return new MergeError("nothing-chosen", "none of the images of the run passes the filters", {
    where: run,
    hint: `it built ${firstOf(names, 5)}; latest, and images without a tag, are taken only if named`,
  });
}
