import { defaultTiming } from "../../src/http/timing.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import { cosignTag, type Digest, parseRepository, parseTag } from "../../src/oci/index.ts";
import { type PromoteOptions, promote, verifyProduction } from "../../src/promotion/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { openRegistries } from "../../src/registry/registries.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings, type TravelSetting } from "../../src/settings/index.ts";
import { openTrust } from "../../src/trust/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { bundle, pushBuildKitImage, refer, signed, simpleSigning, slsa, tagAlong } from "../trust/attach.ts";

/** What a registry of a test is: with the referrers API, without it, or a folder. */
export type Kind = "api" | "no api" | "folder";

/** Staging and production of these kinds, and an image at staging with all that may hang on one. */
export async function openTravelWorld(staging: Kind, production: Kind) {
  const closing: (() => Promise<unknown>)[] = [];
  const { path: folder, remove } = await temporaryFolder("travel");
  closing.push(remove);
  const locations: { repository: string; at: string }[] = [];
  const start = async (name: string, kind: Kind): Promise<string> => {
    if (kind === "folder") {
      locations.push({ repository: `${name}.example.com`, at: `oci:${folder}/${name}` });
      return `${name}.example.com`;
    }
    if (kind === "api") {
      const server = await startRegistryServer({ dir: `${folder}/${name}` });
      closing.push(() => server.close());
      return server.address;
    }
    const server = await startDockerRegistry();
    closing.push(server.stop);
    return server.host;
  };
  const [from, to] = [await start("staging", staging), await start("production", production)];
  const requests: string[] = [];
  const registries = openRegistries(
    {
      settings: { ...defaultSettings, locations: locations as never },
      environment: {},
      listener: (event) => {
        if (event.type === "request")
          requests.push(`${event.host === from ? "staging" : "production"} ${event.kind}`);
      },
    },
    { ...defaultTiming, firstBackoff: 1, maxBackoff: 5, settle: 20 },
  );
  closing.push(() => registries.close());
  const repository = (host: string): Repository => registries.repository(parseRepository(`${host}/foo/app`));
  const staged = repository(from);
  const image = await pushBuildKitImage(staged);
  await staged.put((await staged.fetch(image.root.digest)) as never, parseTag("v1"));
  const signature = await refer(staged, image.root, bundle(image.root.digest, signed));
  const sbom = await refer(staged, image.root, {
    artifactType: "application/spdx+json",
    layers: [{ mediaType: "application/spdx+json", bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }],
  });
  const ofSbom = await refer(staged, sbom, bundle(sbom.digest, signed));
  const ofPlatform = await refer(staged, image.first, bundle(image.first.digest, slsa));
  const one = simpleSigning(image.root.digest);
  const other = { ...one, annotations: { "dev.cosignproject.cosign/signature": "b3RoZXI=" } };
  const sig = await tagAlong(staged, image.root.digest, "sig", [one, other]);
  const ofSecond = await tagAlong(staged, image.second.digest, "sig", [simpleSigning(image.second.digest)]);
  let tags: readonly string[] = ["v1"];
  const trustIn = (travel?: TravelSetting) =>
    openTrust({ open: registries.repository, travel: () => travel });
  const run = async (options: Partial<PromoteOptions> & { readonly travel?: TravelSetting } = {}) => {
    const { travel, ...others } = options;
    const images = { app: { [image.root.digest]: tags } };
    await writeTree(`${folder}/tree`, [
      { name: "foo", source: `${from}/foo`, destinations: [`${to}/foo`], images },
    ]);
    const tree = await readManifestTree(`${folder}/tree`);
    const open = registries.repository;
    const trust = trustIn(travel);
    return promote({ tree, open, trust, confirm: true, ...others });
  };
  const verify = async (travel?: TravelSetting) => {
    const { manifests } = await readManifestTree(`${folder}/tree`);
    return verifyProduction({ manifests, open: registries.repository, trust: trustIn(travel) });
  };
  return {
    ...{ staged, promoted: repository(to), image, signature, sbom, ofSbom, ofPlatform, sig, ofSecond },
    ...{ one, other, requests, registries, folder, run, verify, trust: trustIn },
    untagged(): void {
      tags = [];
    },
    async close() {
      for (const close of closing.splice(0).reverse()) await close();
    },
  };
}

/** What hangs on the image of a world, in production: digests of referrers, and of layers by tag. */
export async function hangingIn(
  repository: Repository,
  { image, sbom }: Pick<Awaited<ReturnType<typeof openTravelWorld>>, "image" | "sbom">,
) {
  const referrers: Digest[] = [];
  for (const subject of [image.root.digest, image.first.digest, sbom.digest])
    for (const { digest } of await repository.referrers(subject)) referrers.push(digest);
  const tags: Record<string, readonly (string | undefined)[]> = {};
  for (const subject of [image.root.digest, image.second.digest]) {
    const tag = cosignTag(subject, "sig");
    const document = await repository.fetch(tag);
    const { layers = [] } =
      document === undefined ? {} : (JSON.parse(Buffer.from(document.bytes).toString()) as { layers: [] });
    tags[tag] = layers.map(({ annotations }: never) => annotations["dev.cosignproject.cosign/signature"]);
  }
  return { referrers: referrers.sort(), tags };
}
