import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readBothManifests, readManifests } from "../../src/manifest/index.ts";
import { digestFor } from "../promotion/world.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let before: string;
let after: string;

beforeEach(async () => {
  folder = await temporaryFolder("both");
  before = join(folder.path, "before");
  after = join(folder.path, "elsewhere/after");
});
afterEach(() => folder.remove());

const project = (name: string, destination = "us.io/prod"): Project => ({
  name,
  source: `gcr.io/${name}`,
  destinations: [destination],
  images: { app: { [digestFor("one")]: ["v1", "v1.0"], [digestFor("two")]: [] } },
});

describe("two directories that are read for each other", () => {
  it("give what each of them gives by itself", async () => {
    await writeTree(
      before,
      ["same", "registries", "images", "broken", "long", "gone"].map((name) => project(name)),
    );
    await writeTree(after, [
      project("same"),
      project("registries", "eu.io/prod"),
      { ...project("images"), images: {} },
      project("broken"),
      // Its images have names that are too long there, and not in the other directory.
      project("long", `us.io/${"a".repeat(253)}`),
      project("new"),
    ]);
    for (const path of [before, after]) {
      await appendFile(join(path, "images/broken/images.yaml"), "- name: web\n  dmap:\n    sha256:123: []\n");
    }
    const both = await readBothManifests(before, after);
    expect(both.before).toEqual(await readManifests(before));
    expect(both.after).toEqual(await readManifests(after));
    expect(both.after.diagnostics.map(({ code }) => code)).toEqual(["invalid-digest", "invalid-image-name"]);
  });

  it("take two plain manifests for one project, also one that cannot be read", async () => {
    await mkdir(before, { recursive: true });
    const [one, other] = [join(before, "one.yaml"), join(before, "other.yaml")];
    await writeFile(one, "registries:\n- name: gcr.io/foo\n  src: true\n- name: us.io/prod\nimages: []\n");
    await writeFile(other, "[");
    const both = await readBothManifests(one, other);
    expect(both.before.manifests.map(({ project: name }) => name)).toEqual(["other.yaml"]);
    expect(both.after.unreadable).toEqual(["other.yaml"]);
  });
});
