import { formatPlace } from "../diagnostics/index.ts";
import { edgesOf } from "../edges/index.ts";
import {
  type ImageEntry,
  type ManifestTree,
  type PromoterManifest,
  readImagesOf,
} from "../manifest/index.ts";
import { repositoryFault } from "../oci/index.ts";
import type { TagConflict } from "./errors.ts";
import type { TaggedImage } from "./production.ts";

/**
 * Added tags that some other image of the manifests, usually one of another project, asks for at another digest in the
 * same production repository. Merging them would make the incumbents refuse the whole tree (`overlapping edges
 * detected`), and leave the tag to whoever promotes first.
 * @param isWhole Whether the images of a manifest have been read.
 */
export async function findContested(
  read: ManifestTree,
  isWhole: (manifest: PromoterManifest) => boolean,
  target: PromoterManifest,
  added: readonly TaggedImage[],
): Promise<TagConflict[]> {
  const addition = additionTo(target, added);
  const names = addition.images.flatMap(({ name }) =>
    target.destinations.map((registry) => `${registry.name}/${name}`),
  );
  const { groups } = edgesOf([addition, ...(await rivalsOf(read, isWhole, target, names))]);
  const refusals = new Map<string, TagConflict>();
  for (const { feeds, contested } of groups) {
    for (const { name: image, images } of feeds.filter(({ manifest }) => manifest === addition)) {
      for (const [tag, claims] of contested) {
        const asked = images.find(({ tags }) => tags.some((wanted) => wanted.tag === tag))?.digest;
        if (asked === undefined) continue;
        for (const { digest: standing, file, at } of claims) {
          if (standing === asked) continue;
          const where = formatPlace({ file, line: at.line });
          refusals.set(`${where} ${image}:${tag}`, { image, tag, asked, standing, where });
        }
      }
    }
  }
  return [...refusals.values()];
}

function additionTo(target: PromoterManifest, added: readonly TaggedImage[]): PromoterManifest {
  const { at } = target.source;
  const images = added.flatMap(({ image, digest, tag }): ImageEntry[] => {
    const isSound = target.destinations.every(
      ({ name }) => repositoryFault(`${name}/${image}`) === undefined,
    );
    return isSound ? [{ name: image, at, digests: [{ digest, at, tags: [{ tag, at }] }] }] : [];
  });
  return { ...target, images };
}

/** The projects that could write one of the repositories, the target among them, with their images. */
async function rivalsOf(
  read: ManifestTree,
  isWhole: (manifest: PromoterManifest) => boolean,
  target: PromoterManifest,
  repositories: readonly string[],
): Promise<readonly PromoterManifest[]> {
  const isRival = ({ project, destinations }: Pick<PromoterManifest, "project" | "destinations">) =>
    project !== target.project &&
    destinations.some(({ name }) => repositories.some((each) => each.startsWith(`${name}/`)));
  const rivals = read.manifests
    .filter(isRival)
    .map((rival) => (isWhole(rival) ? rival : readImagesOf(rival)));
  return [target, ...(await Promise.all(rivals))];
}
