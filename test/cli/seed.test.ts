import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { type Digest, parseRepository, parseTag } from "../../src/oci/index.ts";
import { openCredentials, openRegistries } from "../../src/registry/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { type BuiltProgram, buildProgram, start } from "../support/built.ts";
import { outputOf } from "../support/child.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const staging = "gcr.io/k8s-staging-kubernetes";
const regions = ["asia", "eu", "us"];
const released = ["v1.19.0-rc.2", "v1.19.0", "v1.19.1-rc.0"];
const images = ["kube-apiserver", "kube-proxy"];

/** The release manager's steps as Kubernetes wrote them down in 2020, word for word, on registries of other kinds. */
describe("the three cip-mm lines of a Kubernetes release", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let program: BuiltProgram;
  let stagingRegistry: DockerRegistry;
  let production: DockerRegistry;
  const digests = new Map<string, Digest>();

  beforeAll(async () => {
    folder = await temporaryFolder("seed");
    program = await buildProgram();
    stagingRegistry = await startDockerRegistry();
    production = await startDockerRegistry();
    await writeRepositoryOfManifests();
    const registries = openRegistries({
      settings: defaultSettings,
      credentials: openCredentials({ settings: defaultSettings, environment: {} }),
    });
    for (const name of images) {
      for (const tag of [...released, "v1.18.9", "latest"]) {
        const image = await buildImage(name, tag);
        const repository = parseRepository(`${stagingRegistry.host}/k8s-staging-kubernetes/${name}`);
        await pushImage(image, registries.repository(repository), [parseTag(tag)]);
        digests.set(`${name}:${tag}`, image.root.descriptor.digest);
      }
    }
    await registries.close();
  });

  afterAll(async () => {
    await Promise.all([stagingRegistry.stop(), production.stop(), program.remove()]);
    await folder.remove();
  });

  const tree = () => `${folder.path}/k8s.io/k8s.gcr.io`;
  const imagesFile = () => `${tree()}/images/k8s-staging-kubernetes/images.yaml`;
  const environment = () => ({ ...process.env, WAYBILL_CONFIG: `${folder.path}/waybill.yaml` });

  async function writeRepositoryOfManifests(): Promise<void> {
    await mkdir(`${tree()}/manifests/k8s-staging-kubernetes`, { recursive: true });
    await mkdir(`${tree()}/images/k8s-staging-kubernetes`, { recursive: true });
    const destinations = regions.map((region) => `- name: ${region}.gcr.io/k8s-artifacts-prod\n`);
    await writeFile(
      `${tree()}/manifests/k8s-staging-kubernetes/promoter-manifest.yaml`,
      `# google group for ${staging} is k8s-infra-staging-kubernetes@kubernetes.io\nregistries:\n- name: ${staging}\n  src: true\n${destinations.join("")}`,
    );
    const blocks = images.map((name) => {
      const old = createHash("sha256").update(`${name} of old`).digest("hex");
      return `- name: ${name}\n  dmap:\n    "sha256:${old}": ["v1.17.0"] # kept as it is\n`;
    });
    await writeFile(imagesFile(), blocks.join(""));
    const locations = [
      `  - repository: ${staging}\n    at: ${stagingRegistry.host}/k8s-staging-kubernetes\n`,
      ...regions.map((region) => `  - repository: ${region}.gcr.io\n    at: ${production.host}/${region}\n`),
    ];
    await writeFile(`${folder.path}/waybill.yaml`, `locations:\n${locations.join("")}`);
  }

  testWith("docker-registry", "skopeo")(
    "write the digests, and promote puts them into production",
    async () => {
      const before = await readFile(imagesFile(), "utf8");
      for (const tag of released) {
        const line = [`--base_dir=${tree()}`, `--staging_repo=${staging}`, `--filter_tag=${tag}`];
        const merged = await start(program.executable("cip-mm"), line, environment()).ended;
        expect(merged).toMatchObject({ status: 0 });
      }
      const after = await readFile(imagesFile(), "utf8");
      const added = after.split("\n").filter((line) => !before.includes(line));
      expect(added).toHaveLength(images.length * released.length);
      expect(
        after
          .split("\n")
          .filter((line) => before.split("\n").includes(line))
          .join("\n"),
      ).toBe(before);
      expect(after).not.toContain("latest");

      const promotion = await start(
        program.executable("waybill"),
        ["promote", tree(), "--confirm"],
        environment(),
      ).ended;
      // The images of old are in no registry here: they are named as lost, and everything else is done.
      expect(promotion.status).toBe(2);
      expect(`${promotion.stdout}${promotion.stderr}`).toContain("v1.17.0");

      for (const region of regions) {
        for (const name of images) {
          for (const tag of released) {
            const reference = `${production.host}/${region}/k8s-artifacts-prod/${name}:${tag}`;
            const raw = ["inspect", "--raw", "--tls-verify=false", `docker://${reference}`];
            const theirs = await outputOf("skopeo", raw);
            const asked = `${region}.gcr.io/k8s-artifacts-prod/${name}:${tag}`;
            const ours = await start(
              program.executable("waybill"),
              ["inspect", "--raw", asked],
              environment(),
            ).ended;
            expect(ours).toMatchObject({ status: 0, stdout: theirs });
            const digest = `sha256:${createHash("sha256").update(theirs).digest("hex")}`;
            expect(digest).toBe(digests.get(`${name}:${tag}`));
          }
        }
      }
    },
    240_000,
  );
});
