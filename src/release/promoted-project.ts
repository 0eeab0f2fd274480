import { didYouMeanOneOf, firstOf, likeliest } from "../diagnostics/index.ts";
import { parseSelection, type Selection } from "../edges/index.ts";
import { readManifests } from "../manifest/index.ts";
import { ReleaseError } from "./errors.ts";

/** The project that a staging registry is named for: `foo` of `gcr.io/k8s-staging-foo` and of `host/k8s-staging-images/foo`. */
export function projectOf(staging: string): string {
  const last = staging.replace(/\/+$/, "").split("/").at(-1) ?? staging;
  return last.replace(/^k8s-staging-/, "");
}

/**
 * Where a project is promoted from, as manifests say: the one of that name, else the one whose staging registry is named for it.
 * @throws {ReleaseError} `unknown-project` when there is none, or there are several.
 */
export async function sourceOf(
  manifests: string,
  name: string,
): Promise<{ readonly staging: string; readonly selection: Selection | undefined }> {
  const tree = await readManifests(manifests, { imagesOf: () => false });
  const named = tree.manifests.filter(({ project }) => project === name);
  const all =
    named.length > 0 ? named : tree.manifests.filter(({ source }) => projectOf(source.name) === name);
  const [found, ...others] = all;
  if (found !== undefined && others.length === 0) {
    const selection = await parseSelection({ projects: [found.project] });
    return { staging: found.source.name, selection };
  }
  const names = new Set(tree.manifests.flatMap(({ project, source }) => [project, projectOf(source.name)]));
  const message =
    found === undefined
      ? `the manifests have no project ${JSON.stringify(name)}`
      : `several projects are called ${name}: ${firstOf(
          all.map(({ project }) => project),
          5,
        )}`;
  const unreadable =
    tree.unreadable.length === 0
      ? undefined
      : `some manifests could not be read: ${tree.unreadable.join(", ")}; waybill check shows why`;
  throw new ReleaseError("unknown-project", message, {
    hint:
      didYouMeanOneOf(found === undefined ? likeliest(name, [...names]) : []) ??
      unreadable ??
      "say where from, with --staging-repo REGISTRY",
  });
}
