import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FAILSAFE_SCHEMA, loadAll } from "js-yaml";
import { expect, test } from "vitest";
import { z } from "zod";
import { checkManifests } from "../../src/check/index.ts";
import { parseImages } from "../../src/manifest/index.ts";
import { describeShared } from "../support/shared.ts";
import { found } from "./findings.ts";

describeShared("the production tree of June 2024", "k8s.io/registry.k8s.io", (folder) => {
  test("is read but for one line, and every finding is known", async () => {
    const { counts, diagnostics, overlaps, unreadable } = await checkManifests(folder);
    // 720,478 edges stand in the files; the digest with 63 digits would have been 22 of them.
    expect(counts).toEqual({
      projects: 75,
      images: 388,
      digests: 20_018,
      tags: 20_085,
      destinations: 1694,
      repositories: 9834,
      edges: 720_456,
    });
    expect([overlaps, unreadable]).toEqual([[], []]);
    expect(found(diagnostics, folder)).toEqual([
      "images/k8s-staging-etcdadm/images.yaml:13:3 duplicate-image",
      "images/k8s-staging-etcdadm/images.yaml:16:3 duplicate-image",
      "images/k8s-staging-etcdadm/images.yaml:19:3 duplicate-image",
      "images/k8s-staging-etcdadm/images.yaml:70:5 repeated-digest",
      "images/k8s-staging-etcdadm/images.yaml:130:5 repeated-digest",
      "images/k8s-staging-etcdadm/images.yaml:197:3 duplicate-image",
      "images/k8s-staging-ingress-nginx/images.yaml:152:5 invalid-digest",
      "images/k8s-staging-kops/images.yaml:13:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:17:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:21:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:117:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:120:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:126:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:129:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:135:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:138:3 duplicate-image",
      "images/k8s-staging-kops/images.yaml:1108:3 duplicate-image",
      "images/k8s-staging-sig-storage/images.yaml:259:8 missing-dmap",
      "images/k8s-staging-sig-storage/images.yaml:261:8 missing-dmap",
      "manifests/k8s-staging-jobset/promoter-manifest.yaml:49:1 deprecated-images-path",
      "manifests/k8s-staging-kueue/promoter-manifest.yaml:49:1 deprecated-images-path",
      "manifests/k8s-staging-lws/promoter-manifest.yaml:49:1 deprecated-images-path",
      "manifests/k8s-staging-scheduler-plugins/promoter-manifest.yaml:49:1 deprecated-images-path",
    ]);
  });
});

describeShared("the older tree", "k8s.io/k8s.gcr.io", (folder) => {
  test("is read", async () => {
    const { counts, overlaps, unreadable } = await checkManifests(folder);
    expect([counts.projects, counts.digests, overlaps, unreadable]).toEqual([66, 14_504, [], []]);
  });

  test("so is its archive, with 8,756 digests without tags", async () => {
    const { counts, diagnostics } = await checkManifests(`${folder}/archived`);
    expect([counts.digests, counts.tags, counts.edges]).toEqual([32_422, 23_897, 97_959]);
    expect(new Set(diagnostics.map(({ code }) => code))).toEqual(new Set(["latest-tag"]));
  });
});

describeShared("all lists of images of these trees, and of real promotions", "k8s.io", (folder) => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) =>
      /^(registry\.k8s\.io|k8s\.gcr\.io|promotions)\//.test(name) &&
      /(images|before|after)\.yaml$/.test(name),
  );

  test("are read as an independent reader reads them, but for the lines that are reported", () => {
    expect(files.length).toBeGreaterThan(140);
    const different = files.filter((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      const { images, diagnostics } = parseImages(text, name);
      if (diagnostics.some(({ code }) => code === "invalid-digest" || code === "invalid-tag")) return false;
      const read = (images ?? []).map(({ name, digests }) => [
        name,
        digests.map(({ digest, tags }) => [digest, tags.map(({ tag }) => tag)]),
      ]);
      return JSON.stringify(read) !== JSON.stringify(readByJsYaml(text));
    });
    expect(different).toEqual([]);
  });
});

/** The same list as `js-yaml` constructs it; this room only takes events from it. */
function readByJsYaml(text: string): unknown {
  const list = loadAll(text, { schema: FAILSAFE_SCHEMA })[0];
  const schema = z.array(
    z.object({ name: z.string(), dmap: z.union([z.literal(""), z.record(z.string(), z.array(z.string()))]) }),
  );
  return schema
    .parse(list === undefined || list === "" ? [] : list)
    .map(({ name, dmap }) => [name, dmap === "" ? [] : Object.entries(dmap)]);
}
