import type { DesiredImage } from "../edges/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { JudgedImage } from "../policy/index.ts";

/**
 * An image as policies are asked about it at one destination. All places that manifests name for it are told, not that alone
 * which it comes from: whoever may delete there would decide which policies are about it.
 */
export function judgedImage(
  { digest, sources }: DesiredImage,
  from: { readonly source: RepositoryName; readonly project: string },
  destination: RepositoryName,
): JudgedImage {
  const { source, project } = from;
  const alsoFrom = sources.map((each) => ({ source: each.repository, project: each.project }));
  return { digest, source, destinations: [destination], project, alsoFrom };
}
