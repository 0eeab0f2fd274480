import type { ImageEntry } from "./model.ts";

/** The blocks of each image name, in the order of the file: a name may occur in several, and they mean their union. */
export function blocksByName(images: readonly ImageEntry[]): Map<string, ImageEntry[]> {
  const names = new Map<string, ImageEntry[]>();
  for (const image of images) {
    const blocks = names.get(image.name);
    if (blocks === undefined) names.set(image.name, [image]);
    else blocks.push(image);
  }
  return names;
}
