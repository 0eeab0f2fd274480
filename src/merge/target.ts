import { didYouMeanOneOf, firstOf, likeliest } from "../diagnostics/index.ts";
import {
  type ManifestTree,
  type PromoterManifest,
  parseImages,
  type ReadOptions,
  readManifests,
} from "../manifest/index.ts";
import { MergeError } from "./errors.ts";

/**
 * The manifests to merge into.
 * @param options What is read of them, where they are on disk.
 * @throws {MergeError} `no-manifest` when there is none, readable or not.
 */
export async function readTree(
  tree: string | ManifestTree,
  options: ReadOptions = {},
): Promise<ManifestTree> {
  const read = typeof tree === "string" ? await readManifests(tree, options) : tree;
  const fault = read.diagnostics.find(({ severity }) => severity === "error");
  if (fault === undefined || read.manifests.length + read.unreadable.length > 0) return read;
  const { message, hint } = fault;
  throw new MergeError("no-manifest", `there is no manifest to merge into: ${message}`, {
    where: read.path,
    hint,
  });
}

/**
 * The project that promotes from a staging registry: the first one, in the order of the tree, whose source it is, as
 * the incumbents have it; a warning names the others. A slash at the end changes nothing; a registry above or below
 * the source is another one.
 * @throws {MergeError} `unknown-staging`, with the sources that come nearest.
 */
export function findTarget(
  tree: ManifestTree,
  staging: string,
): { readonly manifest: PromoterManifest; readonly warnings: readonly string[] } {
  const wanted = withoutSlash(staging);
  const [manifest, ...others] = tree.manifests.filter(({ source }) => source.name === wanted);
  if (manifest !== undefined) {
    const warnings = others.map(
      ({ project }) => `${project} promotes from ${wanted} too; merged into ${manifest.project}, the first`,
    );
    return { manifest, warnings };
  }
  const sources = tree.manifests.map((manifest) => manifest.source.name);
  const unreadable =
    tree.unreadable.length === 0
      ? undefined
      : `some manifests could not be read: ${tree.unreadable.join(", ")}; waybill check shows why`;
  throw new MergeError("unknown-staging", `could not find Manifest for ${JSON.stringify(staging)}`, {
    where: tree.path,
    hint: didYouMeanOneOf(likeliest(wanted, sources)) ?? unreadable ?? namesOfSources(sources),
  });
}

/** What somebody names a registry by, as manifests write it. */
export function withoutSlash(name: string): string {
  return name.replace(/\/+$/, "");
}

function namesOfSources(sources: readonly string[]): string | undefined {
  return sources.length === 0 ? undefined : `the manifests promote from ${firstOf(sources, 5)}`;
}

/** The tree as it is, or would be, with another text of a project's images. */
export function withImages(
  tree: ManifestTree,
  merged: PromoterManifest,
  text: string,
): { readonly tree: ManifestTree; readonly manifest: PromoterManifest } {
  const { images = merged.images } = parseImages(text, merged.imagesFile);
  const manifest = { ...merged, images };
  const manifests = tree.manifests.map((other) => (other === merged ? manifest : other));
  return { tree: { ...tree, manifests }, manifest };
}
