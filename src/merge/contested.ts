import { type ManifestTree, type PromoterManifest, readImagesOf } from "../manifest/index.ts";
import type { Tag } from "../oci/index.ts";
import type { TagConflict } from "./errors.ts";
import type { TaggedImage } from "./production.ts";
import { withoutSlash } from "./target.ts";

/**
 * Added tags that some other image of the manifests, usually one of another project, asks for at another digest in the
 * same production repository. Merging them would make the incumbents refuse the whole tree (`overlapping edges
 * detected`), and leave the tag to whoever promotes first.
 */
export async function findContested(
  given: ManifestTree | string,
  read: ManifestTree,
  target: PromoterManifest,
  added: readonly TaggedImage[],
): Promise<TagConflict[]> {
  const wanted = new Map<string, Map<Tag, TaggedImage>>();
  for (const each of added) {
    for (const { name } of target.destinations) {
      const repository = `${withoutSlash(name)}/${each.image}`;
      wanted.set(repository, (wanted.get(repository) ?? new Map<Tag, TaggedImage>()).set(each.tag, each));
    }
  }
  const refusals = new Map<string, TagConflict>();
  for (const manifest of await rivalsOf(given, read, target, [...wanted.keys()])) {
    for (const { name, digests } of manifest.images) {
      for (const destination of manifest.destinations) {
        const tags = wanted.get(`${withoutSlash(destination.name)}/${name}`);
        if (tags === undefined) continue;
        for (const entry of digests) {
          for (const { tag, at } of entry.tags) {
            const mine = tags.get(tag);
            if (mine === undefined || mine.digest === entry.digest) continue;
            const where = `${manifest.imagesFile}:${at.line}`;
            const refusal = { image: mine.image, tag, asked: mine.digest, standing: entry.digest, where };
            refusals.set(`${where} ${mine.image}:${tag}`, refusal);
          }
        }
      }
    }
  }
  return [...refusals.values()];
}

/** The projects that could write one of the repositories, the target among them, with their images. */
async function rivalsOf(
  given: ManifestTree | string,
  read: ManifestTree,
  target: PromoterManifest,
  repositories: readonly string[],
): Promise<readonly PromoterManifest[]> {
  const isRival = ({ project, destinations }: Pick<PromoterManifest, "project" | "destinations">) =>
    project !== target.project &&
    destinations.some(({ name }) => repositories.some((each) => each.startsWith(`${withoutSlash(name)}/`)));
  const rivals = read.manifests.filter(isRival);
  const whole = typeof given === "string" ? await Promise.all(rivals.map(readImagesOf)) : rivals;
  return [target, ...whole];
}
