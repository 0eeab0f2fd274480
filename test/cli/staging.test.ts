import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { type Captured, runWith } from "./captured.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: RegistryServer;
let production: RegistryServer;
let tree: string;
let config: string;

beforeAll(async () => {
  folder = await temporaryFolder("cli-staging");
  staging = await startRegistryServer({ dir: join(folder.path, "staging") });
  production = await startRegistryServer({ dir: join(folder.path, "production") });
  tree = join(folder.path, "tree");
  config = join(folder.path, "waybill.yaml");
  const registries = ["eu", "us"].map((mirror) => `    - ${production.address}/${mirror}/{name}\n`);
  await writeFile(
    config,
    `destinations:\n  here:\n    source: ${staging.address}/k8s-staging-{name}\n    registries:\n${registries.join("")}`,
  );
  const digest = `sha256:${"a".repeat(64)}`;
  const destinations = [`${production.address}/eu/other`];
  const images = { app: { [digest]: ["v1"] } };
  await writeTree(tree, [{ name: "other", source: `${staging.address}/other`, destinations, images }]);
});
afterAll(async () => {
  await Promise.all([staging.close(), production.close()]);
  await folder.remove();
});

const waybill = (...argv: string[]): Promise<Captured> =>
  runWith({ HOME: folder.path, WAYBILL_CONFIG: config }, ...argv);

describe("staging new", () => {
  it("shows a project, makes it, and what is staged is merged, promoted and found in production", async () => {
    const line = ["staging", "new", "snoop", "--base-dir", tree, "--owner", "hh"];
    const manifest = join(tree, "manifests", "snoop", "promoter-manifest.yaml");
    const images = join(tree, "images", "snoop", "images.yaml");
    const shown = await waybill(...line, "--dry-run");
    expect(shown).toMatchObject({
      status: 0,
      stderr: `from ${staging.address}/k8s-staging-snoop to ${production.address}/eu/snoop and 1 more\n`,
    });
    expect(shown.stdout).toContain(
      `--- ${manifest}\nregistries:\n- name: ${staging.address}/k8s-staging-snoop\n`,
    );
    const made = await waybill(...line);
    expect(made).toMatchObject({
      status: 0,
      stdout: [images, join(tree, "images", "snoop", "OWNERS"), manifest]
        .map((path) => `wrote ${path}\n`)
        .join(""),
    });

    const image = await buildImage("app", "1.0");
    const registries = registriesWith();
    const repository = registries.repository(parseRepository(`${staging.address}/k8s-staging-snoop/app`));
    await pushImage(image, repository, [parseTag("v1.0")]);
    await registries.close();
    const source = `${staging.address}/k8s-staging-snoop`;
    const merged = await waybill("merge", "--base-dir", tree, "--staging-repo", source, "--tag", "v1.0");
    expect(merged.status).toBe(0);
    const { digest } = image.root.descriptor;
    expect(await readFile(images, "utf8")).toBe(
      `# Images that are promoted: their digests, and the tags of each.\n- name: app\n  dmap:\n    "${digest}": ["v1.0"]\n`,
    );
    const checked = await waybill("check", tree);
    expect(checked.stdout).toBe("2 projects, 2 images, 2 digests, 3 edges: 0 errors, 0 warnings, 0 notes\n");

    // The other project's image is staged nowhere, which is its own affair.
    const promoted = await waybill("promote", tree, "--confirm");
    expect(promoted).toMatchObject({ status: 2, stdout: expect.stringMatching(/\n2 done, 1 lost\n$/) });
    const inspected = await waybill("inspect", `${production.address}/us/snoop/app:v1.0`);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ Digest: digest });
  });

  it("refuses what is there, and knows JSON", async () => {
    const line = ["staging", "new", "other", "--base-dir", tree, "--destinations"];
    expect(await waybill(...line, "her")).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringContaining("hint: did you mean here?\n"),
    });
    const refused = await waybill(...line, "here", "--json");
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "already-there" } });
    const fresh = await waybill("staging", "new", "fresh", "--base-dir", tree, "--json", "--dry-run");
    expect(JSON.parse(fresh.stdout)).toMatchObject({
      format: "waybill-staging/1",
      project: "fresh",
      written: false,
      files: [{ path: join(tree, "images", "fresh", "images.yaml") }, {}],
    });
  });
});
