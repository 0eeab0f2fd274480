import { readGraph } from "../../src/copy/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import { isForeignLayerType, parseRepository, parseTag } from "../../src/oci/index.ts";
import {
  type PromoteOptions,
  type Promotion,
  promote,
  type Verification,
  type VerifyOptions,
  verifyProduction,
} from "../../src/promotion/index.ts";
import { openRegistries, type Registries } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings, type HostSettings, type Settings } from "../../src/settings/index.ts";
import { type FaultyRegistry, startFaultyRegistry } from "./faulty-registry.ts";
import { type Project, temporaryFolder, writeTree } from "./tree.ts";

/** Two registries that can be made to fail, and manifests between them. */
export interface PromotionWorld {
  readonly folder: string;
  readonly staging: FaultyRegistry;
  readonly production: FaultyRegistry;
  /** Talks to the registries with few retries. */
  readonly registries: Registries;
  /** Builds an image and pushes it to staging; what it is called there makes it another one. */
  stage(name: string, ...tags: readonly string[]): ReturnType<typeof buildImage>;
  /** Promotes what the projects say; `confirm` unless it is said otherwise. */
  promote(projects: readonly Project[], options?: Partial<PromoteOptions>): Promise<Promotion>;
  /** Verifies production against the manifests of the last promotion. */
  verify(options?: Pick<VerifyOptions, "reading" | "listener">): Promise<Verification>;
  /** Tags of production that do not stand for a whole image. */
  brokenTags(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Opens registries with these settings for every host that is named. */
export function registriesWith(settings: Partial<Settings> = {}): Registries {
  return openRegistries({ settings: { ...defaultSettings, ...settings }, environment: {} });
}

export async function openWorld(
  host: HostSettings = { retries: 0 },
  locations: (folder: string) => Settings["locations"] = () => [],
): Promise<PromotionWorld> {
  const { path: folder, remove } = await temporaryFolder("world");
  const servers = [
    await startRegistryServer({ dir: `${folder}/staging` }),
    await startRegistryServer({ dir: `${folder}/production` }),
  ] as const;
  const staging = await startFaultyRegistry(servers[0].address);
  const production = await startFaultyRegistry(servers[1].address);
  const registries = registriesWith({
    hosts: { [staging.host]: host, [production.host]: host },
    locations: locations(folder),
  });
  return {
    folder,
    staging,
    production,
    registries,
    async stage(name, ...tags) {
      const image = await buildImage(name.replaceAll("/", "-"), "v1");
      const repository = registries.repository(parseRepository(`${servers[0].address}/${name}`));
      await pushImage(image, repository, tags.map(parseTag));
      return image;
    },
    async promote(projects, options = {}) {
      await writeTree(`${folder}/tree`, projects);
      const tree = await readManifestTree(`${folder}/tree`);
      return promote({ tree, open: registries.repository, confirm: true, ...options });
    },
    async verify(options = {}) {
      const { manifests } = await readManifestTree(`${folder}/tree`);
      return verifyProduction({ manifests, open: registries.repository, ...options });
    },
    async brokenTags() {
      const broken: string[] = [];
      for await (const name of registries.catalog(servers[1].address)) {
        const repository = registries.repository(name);
        for (const tag of (await repository.list())?.tags ?? []) {
          if (!(await isWhole(repository, tag))) broken.push(`${name}:${tag}`);
        }
      }
      return broken;
    },
    async close() {
      await registries.close();
      await Promise.all([staging.close(), production.close(), ...servers.map((server) => server.close())]);
      await remove();
    },
  };
}

async function isWhole(
  repository: ReturnType<Registries["repository"]>,
  tag: ReturnType<typeof parseTag>,
): Promise<boolean> {
  try {
    const root = await repository.fetch(tag);
    if (root === undefined) return false;
    const { blobs } = await readGraph(repository.fetch, root.descriptor.digest, repository.name);
    const needed = blobs.filter(({ mediaType }) => !isForeignLayerType(mediaType));
    for (const blob of needed) for await (const _ of await repository.open(blob));
    return true;
  } catch {
    return false;
  }
}
