import type { DesiredImage } from "../edges/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { JudgedImage } from "../policy/index.ts";

/**
 * An image as policies are asked about it at one destination. All places that manifests name for it are told, not that alone
 * which it comes from: whoever may delete there would decide which policies are about it.
 */
export function judgedImage(
  image: DesiredImage,
  from: { readonly source: RepositoryName; readonly project: string },
  destination: RepositoryName,
): JudgedImage {
  const { source, project } = from;
  return {
    digest: image.digest,
    source,
    destinations: [destination],
    project,
    alsoFrom: alsoFrom(image),
  };
}

/** All places that manifests name for an image, and for which projects. */
export function alsoFrom({ sources }: Pick<DesiredImage, "sources">) {
  return sources.map(({ repository, project }) => ({ source: repository, project }));
}
