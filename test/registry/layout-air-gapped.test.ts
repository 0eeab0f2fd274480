import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ManifestTree } from "../../src/manifest/index.ts";
import { type Digest, parseRepository, parseTag, type RepositoryName } from "../../src/oci/index.ts";
import { promote } from "../../src/promotion/index.ts";
import { openLayout } from "../../src/registry/layout/layout.ts";
import type { Repository } from "../../src/registry/repository.ts";
import { locate, readSettings, type Settings } from "../../src/settings/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { bytesOf, image, indexOf, store } from "./layout-images.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  temporary = await temporaryFolder("air-gap");
});
afterEach(() => temporary.remove());

/** A site: its settings, and a folder for the registries that it reaches without a location. */
async function site(name: string, yaml: string): Promise<(repository: RepositoryName) => Repository> {
  const file = join(temporary.path, name, "waybill.yaml");
  await mkdir(join(temporary.path, name), { recursive: true });
  await writeFile(file, yaml);
  const settings: Settings = await readSettings(file);
  return (repository) => {
    const place = locate(settings.locations, repository);
    if (place.kind === "folder") return openLayout(place.folder, repository, { root: place.root });
    return openLayout(join(temporary.path, name, "registries", place.repository), repository);
  };
}

function treeOf(images: readonly { readonly name: string; readonly digest: Digest; readonly tag: string }[]) {
  const at = { line: 1, column: 1 };
  const tree: ManifestTree = {
    path: ".",
    diagnostics: [],
    unreadable: [],
    manifests: [
      {
        project: "foo",
        file: "manifests/foo/promoter-manifest.yaml",
        imagesFile: "images/foo/images.yaml",
        source: { name: "gcr.io/k8s-staging-foo", at },
        destinations: ["us.gcr.io/k8s-artifacts-prod/foo", "eu.gcr.io/k8s-artifacts-prod/foo"].map(
          (name) => ({
            name,
            at,
          }),
        ),
        images: images.map(({ name, digest, tag }) => ({
          name,
          at,
          digests: [{ digest, at, tags: [{ tag: parseTag(tag), at }] }],
        })),
      },
    ],
  };
  return tree;
}

test("two promotions with the same manifests bring images over a gap, by way of a carried folder", async () => {
  const connected = await site(
    "connected",
    `locations:
  - { repository: us.gcr.io/k8s-artifacts-prod/foo, at: oci:usb/foo }
  - { repository: eu.gcr.io/k8s-artifacts-prod/foo, at: oci:usb/foo }
`,
  );
  const inside = await site(
    "inside",
    `locations:
  - { repository: gcr.io/k8s-staging-foo, at: oci:usb/foo }
  - { repository: us.gcr.io/k8s-artifacts-prod, at: registry.inside.example.com/us }
  - { repository: eu.gcr.io/k8s-artifacts-prod, at: registry.inside.example.com/eu }
`,
  );
  const [one, nested, unlisted] = [image(), image(), image()];
  const staging = connected(parseRepository("gcr.io/k8s-staging-foo/bar"));
  await store(staging, one, "v1");
  await store(staging, unlisted, "v2");
  const stagingSub = connected(parseRepository("gcr.io/k8s-staging-foo/bar/sub"));
  await store(stagingSub, nested);
  const index = indexOf(nested.manifest);
  await stagingSub.put(index, parseTag("v1"));

  const tree = treeOf([
    { name: "bar", digest: one.manifest.descriptor.digest, tag: "v1.0" },
    { name: "bar/sub", digest: index.descriptor.digest, tag: "v1.0" },
  ]);
  const out = await promote({ tree, open: connected, confirm: true });
  expect(out.report.asDesired).toBe(true);

  await cp(join(temporary.path, "connected", "usb"), join(temporary.path, "inside", "usb"), {
    recursive: true,
  });
  const into = await promote({ tree, open: inside, confirm: true });
  expect(into.report.asDesired).toBe(true);
  expect(into.report.counts.done).toBe(4);

  for (const region of ["us", "eu"]) {
    const bar = inside(parseRepository(`${region}.gcr.io/k8s-artifacts-prod/foo/bar`));
    expect(bar.address).toContain(`registry.inside.example.com/${region}/foo/bar`);
    expect(await bar.fetch(parseTag("v1.0"))).toEqual(one.manifest);
    for (const { descriptor, bytes } of one.blobs)
      expect(await bytesOf(await bar.open(descriptor))).toEqual(bytes);
    expect((await bar.list())?.tags).toEqual(["v1.0"]);
    expect(await bar.fetch(unlisted.manifest.descriptor.digest)).toBeUndefined();
    const sub = inside(parseRepository(`${region}.gcr.io/k8s-artifacts-prod/foo/bar/sub`));
    expect(await sub.fetch(parseTag("v1.0"))).toEqual(index);
    expect(await sub.fetch(nested.manifest.descriptor.digest)).toEqual(nested.manifest);
  }

  const again = await promote({ tree, open: inside, confirm: true });
  expect(again.report.asDesired).toBe(true);
  expect(again.report.counts.done).toBe(0);
});
