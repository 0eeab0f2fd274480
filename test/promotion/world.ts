import { createHash } from "node:crypto";
import { desiredRepositories, edgesOf } from "../../src/edges/index.ts";
import type { PromoterManifest } from "../../src/manifest/index.ts";
import { type Digest, parseDigest, parseTag, type RepositoryName, type Tag } from "../../src/oci/index.ts";
import { decideImage, needsSource, type SourceReading } from "../../src/promotion/decide.ts";
import { imageSection } from "../../src/promotion/images.ts";
import type { RepositoryState, TargetReading } from "../../src/promotion/inventory.ts";
import { sectionKinds } from "../../src/promotion/kinds.ts";
import type { Section } from "../../src/promotion/plan.ts";
import {
  gatherAlike,
  imageKind,
  type PlannedRepositories,
  type PlannedRepository,
} from "../../src/promotion/planned-images.ts";

/** Images of a manifest or a registry: image name → digest's nickname → tags. */
export type Images = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** Registries by name, as lists of images. */
export type World = Readonly<Record<string, Images>>;

/** Images alone. */
export const kinds = sectionKinds(imageSection);

/** The section of a plan that says this of production repositories, and that so many edges are as asked. */
export function sectionOf(
  repositories: readonly PlannedRepository[],
  present = 0,
): Section<PlannedRepositories> {
  const gathering = gatherAlike();
  for (const repository of repositories) gathering.add(repository);
  return { kind: imageKind, present, items: gathering.items() };
}

/** A digest for a nickname such as `000`. */
export function digestFor(nickname: string): Digest {
  return parseDigest(`sha256:${createHash("sha256").update(nickname).digest("hex")}`);
}

/** A promoter manifest as reading one gives it, its lines numbered as its digests and tags are listed. */
export function manifestOf(project: string, source: string, destinations: readonly string[], images: Images) {
  let line = 0;
  const at = () => ({ line: ++line, column: 1 });
  return {
    project,
    file: `manifests/${project}/promoter-manifest.yaml`,
    imagesFile: `images/${project}/images.yaml`,
    source: { name: source, at: at() },
    destinations: destinations.map((name) => ({ name, at: at() })),
    images: Object.entries(images).map(([name, digests]) => ({
      name,
      at: at(),
      digests: Object.entries(digests).map(([nickname, tags]) => ({
        digest: digestFor(nickname),
        at: at(),
        tags: tags.map((tag) => ({ tag: parseTag(tag), at: at() })),
      })),
    })),
  } satisfies PromoterManifest;
}

/** `destination:tag` or `destination@nickname`, with its verdict, for every edge of the manifests in this world. */
export function verdicts(manifests: readonly PromoterManifest[], world: World): Record<string, string> {
  const found: Record<string, string> = {};
  for (const repository of desiredRepositories(edgesOf(manifests))) {
    const state = stateOf(repository.destination, world);
    const { contested, images } = repository;
    for (const image of images) {
      const source = image.sources
        .map(({ repository: name }): SourceReading | undefined =>
          stateOf(name, world).digests.has(image.digest) ? { state: "found", repository: name } : undefined,
        )
        .find((reading) => reading !== undefined) ?? { state: "missing" };
      const complete = withAbsent(
        state,
        image.digest,
        image.tags.map(({ tag }) => tag),
      );
      const reading = needsSource(image, complete, contested) ? source : undefined;
      for (const { tag, verdict } of decideImage(image, complete, contested, reading).edges) {
        found[tag === null ? `${repository.destination}@` : `${repository.destination}:${tag}`] = verdict;
      }
    }
  }
  return found;
}

function stateOf(repository: RepositoryName, world: World): RepositoryState {
  const tags = new Map<Tag, TargetReading>();
  const digests = new Map<Digest, TargetReading>();
  for (const [registry, images] of Object.entries(world)) {
    for (const [name, held] of Object.entries(images)) {
      if (`${registry}/${name}` !== repository) continue;
      for (const [nickname, names] of Object.entries(held)) {
        const digest = digestFor(nickname);
        digests.set(digest, { digest });
        for (const tag of names) tags.set(parseTag(tag), { digest });
      }
    }
  }
  return { tags, digests, empty: digests.size === 0 };
}

function withAbsent(state: RepositoryState, digest: Digest, tags: readonly Tag[]): RepositoryState {
  const absent: TargetReading = { digest: undefined };
  return {
    empty: state.empty,
    digests: new Map([[digest, absent], ...state.digests]),
    tags: new Map([...tags.map((tag): [Tag, TargetReading] => [tag, absent]), ...state.tags]),
  };
}
