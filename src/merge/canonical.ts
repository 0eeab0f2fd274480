import {
  addToImages,
  edgeKey,
  type ImageListFormat,
  type ImagesEdit,
  listImages,
  type PromoterManifest,
  parseImages,
  writeImages,
} from "../manifest/index.ts";
import { MergeError } from "./errors.ts";
import type { ChosenImage } from "./staging.ts";

/**
 * How the new list of images is written: `in-place` keeps every byte of the old one, the others write the whole list
 * anew as the incumbents do (see `ImageListFormat`): blocks of one image become one, comments and quotes are lost.
 */
export type MergeFormat = "in-place" | Exclude<ImageListFormat, "csv">;

/**
 * An edited list in one of the incumbents' forms. It says exactly the same; what is lost of the way it was written is
 * among the warnings.
 * @throws {MergeError} `manifest-invalid` for a plain manifest, which is more than a list, and for a list with invalid
 * lines, which would be lost too.
 */
export function rewriteImages(
  edit: ImagesEdit,
  { file, imagesFile }: PromoterManifest,
  format: Exclude<MergeFormat, "in-place">,
  chosen: readonly ChosenImage[],
): { readonly edit: ImagesEdit; readonly warnings: readonly string[] } {
  if (file === imagesFile) {
    throw new MergeError("manifest-invalid", "a plain manifest can only be edited in place", {
      where: imagesFile,
      hint: "it holds more than a list of images, and the canonical forms are lists",
    });
  }
  const { images, diagnostics } = parseImages(edit.text, imagesFile);
  const error = diagnostics.find(({ severity }) => severity === "error");
  if (images === undefined || error !== undefined) {
    const why = error === undefined ? "it cannot be read" : error.message;
    throw new MergeError("manifest-invalid", `writing the list anew would lose what is not valid: ${why}`, {
      where: error?.at === undefined ? imagesFile : `${imagesFile}:${error.at.line}`,
      hint: "mend it, or merge in place, which loses nothing",
    });
  }
  const text = writeImages(listImages(images), format);
  // Nothing is missing from it, so that adding again only tells the lines.
  const { present } = addToImages(text, chosen);
  const added = new Set(edit.added.map(edgeKey));
  return {
    edit: {
      text,
      added: present.filter((edge) => added.has(edgeKey(edge))),
      present: present.filter((edge) => !added.has(edgeKey(edge))),
      changedLines: [],
    },
    warnings: hasComments(edit.text) ? [`${imagesFile}: its comments are lost in this form`] : [],
  };
}

/** Names, digests and tags have no `#`: wherever one stands, a comment starts. */
function hasComments(text: string): boolean {
  return text.includes("#");
}
