import { rm } from "node:fs/promises";
import { join } from "node:path";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { digestOf, type ImageDocument, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import { type Review, type ReviewOptions, reviewChange } from "../../src/review/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { type Project, writeFiles, writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

/** Two registries, and a repository whose last two commits are reviewed. */
export interface ReviewWorld extends PromotionWorld {
  /** Images by version, each in staging as `foo/app` with that tag. */
  readonly images: Readonly<Record<string, DemoImage>>;
  /** A registry of production that nothing was ever pushed to. */
  fresh(): string;
  /** Puts an image somewhere in a registry. */
  push(image: DemoImage, name: string, ...tags: readonly string[]): Promise<void>;
  /** Commits one state of the manifests, then the other, and reviews the change. */
  change(
    before: readonly Project[],
    after: readonly Project[],
    options?: Partial<ReviewOptions> & {
      readonly isOffline?: boolean;
      /** Texts beside the manifests, the same in both states. */
      readonly files?: Readonly<Record<string, string>>;
    },
  ): Promise<Review>;
  /** The folder of the repository of the last change. */
  repository(): TestRepository;
}

export const digest = (image: DemoImage | undefined): string => image?.root.descriptor.digest ?? "";

export async function openReviewWorld(versions: readonly string[]): Promise<ReviewWorld> {
  const world = await openWorld();
  const images: Record<string, DemoImage> = {};
  for (const version of versions) {
    images[version] = await buildImage("app", version);
    await pushImage(
      images[version],
      world.registries.repository(parseRepository(`${world.staging.host}/foo/app`)),
      [parseTag(version)],
    );
  }
  let count = 0;
  let repository: TestRepository;
  return {
    ...world,
    images,
    fresh: () => `${world.production.host}/p${++count}`,
    push: (image, name, ...tags) =>
      pushImage(image, world.registries.repository(parseRepository(name)), tags.map(parseTag)),
    repository: () => repository,
    async change(before, after, { isOffline = false, files = {}, ...options } = {}) {
      repository = await createRepository(join(world.folder, `repository-${++count}`));
      const tree = join(repository.path, "tree");
      const commits: string[] = [];
      for (const projects of [before, after]) {
        await rm(tree, { recursive: true, force: true });
        await writeTree(tree, projects);
        await writeFiles(tree, files);
        commits.push(await repository.commit());
      }
      const [base = "", head = ""] = commits;
      const registries = isOffline ? {} : { open: world.registries.repository };
      return reviewChange({ path: tree, base, head, ...registries, environment: gitEnvironment, ...options });
    },
  };
}

/** The same image for its first platform alone. */
export function onePlatform({ root, children, blobs }: DemoImage): DemoImage {
  const json = JSON.parse(Buffer.from(root.bytes).toString("utf8"));
  const bytes = Buffer.from(JSON.stringify({ ...json, manifests: json.manifests.slice(0, 1) }));
  const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  return { root: { descriptor, bytes }, children: children.slice(0, 1), blobs };
}

/** A manifest about another one, with a blob that says something. */
export function referrerTo(subject: ImageDocument, artifactType: string, statement: unknown): DemoImage {
  return documentWith({ artifactType, subject: subject.descriptor }, mediaTypes.ociEmpty, statement);
}

/** Something that is no image, such as a chart: its config says what. */
export function artifact(configType: string): DemoImage {
  return documentWith({}, configType, "its content");
}

function documentWith(fields: object, configType: string, content: unknown): DemoImage {
  const blob = (content: unknown, mediaType: string) => {
    const bytes = Buffer.from(JSON.stringify(content));
    return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
  };
  const config = blob({}, configType);
  const layer = blob(content, "application/vnd.in-toto+json");
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      ...fields,
      config: config.descriptor,
      layers: [layer.descriptor],
    }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  return { root: { descriptor, bytes }, children: [{ descriptor, bytes }], blobs: [config, layer] };
}

/** What a review comes to: what fails and what is mentioned, by code. */
export const codes = ({ findings }: Review): { fails: string[]; mentions: string[] } => ({
  fails: findings.filter(({ severity }) => severity === "fails").map(({ code }) => code),
  mentions: findings.filter(({ severity }) => severity === "mentions").map(({ code }) => code),
});
