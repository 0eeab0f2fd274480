import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openCredentials, openRegistries } from "../../src/registry/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { outputOf } from "../support/child.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { type Captured, runAs, runWith } from "./captured.ts";

/** The lines of the published instructions for a release of Kubernetes, with the directory they are run for. */
const lines = (dir: string): string[] => [
  `--base_dir=${dir} --staging_repo=gcr.io/k8s-staging-kubernetes --filter_tag=v1.19.0-rc.2`,
  `--base_dir=${dir} --staging_repo=gcr.io/k8s-staging-kubernetes --filter_tag=v1.19.0`,
  `--base_dir=${dir} --staging_repo=gcr.io/k8s-staging-kubernetes --filter_tag=v1.19.1-rc.0`,
];
const tags = ["v1.19.0-rc.2", "v1.19.0", "v1.19.1-rc.0"];
const names = ["kube-apiserver", "kube-proxy", "conformance"];
const regions = ["us.gcr.io", "eu.gcr.io", "asia.gcr.io"];

describe("a release by the lines of cip-mm and cip", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: DockerRegistry;
  let production: DockerRegistry;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await temporaryFolder("release");
    [staging, production] = await Promise.all([startDockerRegistry(), startDockerRegistry()]);
    // The names of the real registries, which really are here.
    const locations = [
      { repository: "gcr.io/k8s-staging-kubernetes", at: `${staging.host}/k8s-staging-kubernetes` },
      ...regions.map((host) => ({
        repository: `${host}/k8s-artifacts-prod`,
        at: `${production.host}/${host.split(".")[0]}`,
      })),
    ];
    const settings = join(folder.path, "waybill.yaml");
    await writeFile(settings, JSON.stringify({ locations }));
    env = { HOME: folder.path, WAYBILL_CONFIG: settings };
    const project = {
      name: "k8s-staging-kubernetes",
      source: "gcr.io/k8s-staging-kubernetes",
      destinations: regions.map((host) => `${host}/k8s-artifacts-prod`),
    };
    await writeTree(join(folder.path, "k8s.gcr.io"), [{ ...project, images: {} }]);
    const credentials = openCredentials({ settings: defaultSettings, environment: env });
    const registries = openRegistries({ settings: { ...defaultSettings, locations }, credentials });
    for (const name of names) {
      for (const tag of [...tags, "v1.18.0"]) {
        const repository = registries.repository(parseRepository(`gcr.io/k8s-staging-kubernetes/${name}`));
        await pushImage(await buildImage(name, tag), repository, [parseTag(tag)]);
      }
    }
    await registries.close();
  });

  afterAll(async () => {
    await Promise.all([staging.stop(), production.stop()]);
    await folder.remove();
  });

  testWith("docker-registry", "skopeo")("goes from staging to three regions, byte for byte", async () => {
    const dir = join(folder.path, "k8s.gcr.io");
    for (const line of lines(dir)) {
      expect(await runAs(env, "cip-mm", ...line.split(" "))).toMatchObject({ status: 0 });
    }
    const text = await readFile(join(dir, "images/k8s-staging-kubernetes/images.yaml"), "utf8");
    expect(text.match(/"(v1[^"]*)"/g)?.sort()).toEqual(
      names.flatMap(() => tags.map((tag) => `"${tag}"`)).sort(),
    );

    const promoted: Captured = await runAs(env, "cip", `-thin-manifest-dir=${dir}`, "-dry-run=false");
    expect(promoted).toMatchObject({ status: 0, stdout: expect.stringMatching(/\n27 done\n$/) });

    for (const region of regions) {
      for (const name of names) {
        for (const tag of tags) {
          const reference = `${region}/k8s-artifacts-prod/${name}:${tag}`;
          const path = `${production.host}/${region.split(".")[0]}/${name}:${tag}`;
          const theirs = await outputOf("skopeo", [
            "inspect",
            "--raw",
            "--tls-verify=false",
            `docker://${path}`,
          ]);
          const { stdout: ours } = await runWith(env, "inspect", "--raw", reference);
          expect(ours).toBe(theirs);
          expect(text).toContain(`"sha256:${createHash("sha256").update(ours).digest("hex")}": ["${tag}"]`);
        }
      }
    }
    expect((await runWith(env, "verify", dir)).status).toBe(0);
    expect((await runAs(env, "kpromo", "cip", `--thin-manifest-dir=${dir}/`, "--confirm")).stdout).toBe(
      "27 already there\n",
    );
  });
});
