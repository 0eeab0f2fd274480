import {
  addToImages,
  edgeKey,
  type ImageAddition,
  type ImagesEdit,
  type ListedEdge,
  ManifestEditError,
  type ManifestTree,
  type PromoterManifest,
  readTextFileOf,
  unifiedDiff,
} from "../manifest/index.ts";
import { isDigest, type Tag } from "../oci/index.ts";
import type { StagingAccess } from "./candidates.ts";
import { type MergeFormat, rewriteImages } from "./canonical.ts";
import { findContested } from "./contested.ts";
import { MergeError, type TagConflict } from "./errors.ts";
import { findTakenTags, type TaggedImage } from "./production.ts";
import { type ChosenImage, checkImages } from "./staging.ts";

/** To which manifests something is added, and in which form. */
export interface AdditionOptions {
  /** The manifests as they were read, or where they are: then no more of them is read than the merge needs. */
  readonly tree: ManifestTree | string;
  /** `in-place` unless something else is asked for. */
  readonly format?: MergeFormat;
  /**
   * Do not look at production. A tag that stands there at another digest is then found only by the plan of the
   * promotion, as a conflict.
   */
  readonly skipProduction?: boolean;
  /**
   * What is added beside what was chosen, as if it had been, to a file of images: but for the tags that what was chosen has at other
   * digests.
   */
  readonly beside?: ((imagesFile: string) => Promise<readonly ImageAddition[]>) | undefined;
}

/** A merge that is ready to be written. */
export interface MergePlan {
  readonly project: string;
  /** The file with the images. */
  readonly file: string;
  /** Its text now, and its text to be; the same when there is nothing to add. */
  readonly before: string;
  readonly after: string;
  /** Lines are those of {@link after}. */
  readonly added: readonly ListedEdge[];
  readonly present: readonly ListedEdge[];
  /** Lines of {@link after} that are old lines with something written into them; empty unless `in-place`. */
  readonly changedLines: readonly number[];
  /** Unified diff of the file; empty when there is nothing to change. */
  readonly diff: string;
  /** What somebody should know before writing. */
  readonly warnings: readonly string[];
}

export interface Addition {
  readonly read: ManifestTree;
  readonly manifest: PromoterManifest;
  /** The text of its file of images. */
  readonly before: string;
  readonly chosen: readonly ChosenImage[];
  /** Manifests in `read` that have what was planned for them by now, which is not on disk yet. */
  readonly planned?: ReadonlySet<PromoterManifest>;
}

/**
 * Adds chosen images to a manifest, checked against staging, the other manifests and production.
 * @throws {MergeError} `no-image`, `staging-unread`, `production-unread`, `refused`, `manifest-invalid`.
 * @throws {ManifestEditError} for a file that cannot be edited without damage.
 */
export async function planAddition(
  { read, manifest, before, chosen: choice, planned = new Set() }: Addition,
  options: AdditionOptions & Pick<StagingAccess, "open">,
): Promise<MergePlan> {
  const beside = (await options.beside?.(manifest.imagesFile)) ?? [];
  const chosen = [...choice, ...withoutTakenTags(beside, choice)];
  const { edit, collisions } = editOrCollide(before, chosen, manifest);
  const added = newOnly(edit.added, chosen);
  await checkImages(manifest.source.name, added, options);
  const isWhole = (other: PromoterManifest) => typeof options.tree !== "string" || planned.has(other);
  const contested = await findContested(read, isWhole, manifest, tagged(added));
  const taken = options.skipProduction ? [] : await findTakenTags(manifest, tagged(added), options);
  const refusals = [...collisions, ...contested, ...taken];
  if (refusals.length > 0) throw refused(refusals, manifest);

  const format = options.format ?? "in-place";
  const written =
    format === "in-place" ? { edit, warnings: [] } : rewriteImages(edit, manifest, format, chosen);
  return {
    project: manifest.project,
    file: manifest.imagesFile,
    before,
    after: written.edit.text,
    added: written.edit.added,
    present: written.edit.present,
    changedLines: written.edit.changedLines,
    diff: unifiedDiff(manifest.imagesFile, before, written.edit.text),
    warnings: written.warnings,
  };
}

/** What stands beside what was chosen, without the tags that this has by now; what had no other tag is not left without any. */
function withoutTakenTags(
  beside: readonly ImageAddition[],
  chosen: readonly ChosenImage[],
): readonly ChosenImage[] {
  const taken = new Set(chosen.flatMap(({ image, tags }) => tags.map((tag) => `${image}:${tag}`)));
  return beside.flatMap(({ image, digest, tags }) => {
    const left = tags.filter((tag) => !taken.has(`${image}:${tag}`));
    return left.length === 0 && tags.length > 0 ? [] : [{ image, digest, tags: left, found: undefined }];
  });
}

/** The text of a manifest's images. @throws {MergeError} `manifest-unreadable`. */
export async function readManifestText({ imagesFile }: PromoterManifest): Promise<string> {
  const text = await readTextFileOf(imagesFile);
  if (typeof text === "string") return text;
  throw new MergeError("manifest-unreadable", text.message, { where: imagesFile, hint: text.hint });
}

/** The edit and, when tags collide with what the file has, the edit without those and what they collide with. */
function editOrCollide(
  text: string,
  chosen: readonly ChosenImage[],
  { imagesFile }: PromoterManifest,
): { edit: ImagesEdit; collisions: readonly TagConflict[] } {
  try {
    return { edit: addToImages(text, chosen), collisions: [] };
  } catch (error) {
    if (!(error instanceof ManifestEditError)) throw error;
    if (error.code !== "tag-collision") {
      throw new ManifestEditError(error.code, error.message, {
        where: imagesFile,
        hint: error.hint,
        cause: error,
      });
    }
    const collisions = error.collisions.map(({ image, tag, asked, listed, line }) => ({
      image,
      tag,
      asked,
      standing: listed,
      where: `${imagesFile}:${line}`,
    }));
    const colliding = new Set(collisions.map(({ image, tag }) => `${image}:${tag}`));
    const others = chosen
      .map((each) => ({ ...each, tags: each.tags.filter((tag) => !colliding.has(`${each.image}:${tag}`)) }))
      .filter(({ tags }) => tags.length > 0);
    return { edit: addToImages(text, others), collisions };
  }
}

/** The chosen images that are new to the file, with their new tags only. */
function newOnly(added: readonly ListedEdge[], chosen: readonly ChosenImage[]): ChosenImage[] {
  const keys = new Set(added.map(edgeKey));
  const isNew = ({ image, digest }: ChosenImage, tag: Tag | undefined) =>
    keys.has(edgeKey({ image, digest, tag }));
  return chosen
    .map((each) => ({ ...each, tags: each.tags.filter((tag) => isNew(each, tag)) }))
    .filter((each) => each.tags.length > 0 || isNew(each, undefined));
}

function tagged(chosen: readonly ChosenImage[]): TaggedImage[] {
  return chosen.flatMap(({ image, digest, tags }) => tags.map((tag) => ({ image, digest, tag })));
}

function refused(refusals: readonly TagConflict[], manifest: PromoterManifest): MergeError {
  const sentences = refusals.map(
    ({ image, tag, asked, standing, where }) =>
      `${image}:${tag} stands at ${shown(standing)} (${where}), and staging has it at ${asked}`,
  );
  return new MergeError("refused", sentences.join("\n"), {
    where: manifest.imagesFile,
    hint: "a promoted tag never moves: give the new image a new tag, or leave it out with --image or --tag",
    refusals,
  });
}

/** Digests as they are; what a manifest holds in their place could be anything. */
function shown(standing: string): string {
  return isDigest(standing) ? standing : JSON.stringify(standing.slice(0, 200));
}
