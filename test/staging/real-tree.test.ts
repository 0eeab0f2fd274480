import { cp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkManifests } from "../../src/check/index.ts";
import { newStaging } from "../../src/staging/index.ts";
import { describeShared } from "../support/shared.ts";
import { temporaryFolder } from "../support/tree.ts";

const set = {
  source: "gcr.io/k8s-staging-{name}",
  folder: "k8s-staging-{name}",
  registries: [
    { name: "us-central1-docker.pkg.dev/k8s-artifacts-prod/images/{name}" },
    { name: "us-west1-docker.pkg.dev/k8s-artifacts-prod/images/{name}" },
  ],
};

describeShared("beside the projects of Kubernetes", "k8s.io/registry.k8s.io", (folder) => {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  let directory: string;
  beforeAll(async () => {
    temporary = await temporaryFolder("staging-real");
    directory = join(temporary.path, "registry.k8s.io");
    await cp(folder, directory, { recursive: true });
  });
  afterAll(() => temporary.remove());

  test("a project is made, and everything else is as it was", async () => {
    const before = await checkManifests(directory);
    const made = await newStaging({ name: "brand-new", directory, sets: { set }, owners: ["hh"] });
    expect(made.diagnostics).toEqual([]);
    const after = await checkManifests(directory);
    expect(after.diagnostics).toEqual(before.diagnostics);
    expect(after.counts.projects).toBe(before.counts.projects + 1);
  });

  test("a project is refused that is there already, under whatever folder", async () => {
    const again = newStaging({ name: "apisnoop", directory, sets: { set } });
    await expect(again).rejects.toMatchObject({ code: "already-there" });
    const elsewhere = newStaging({
      name: "apisnoop",
      directory,
      sets: { set: { ...set, folder: "x-{name}" } },
    });
    await expect(elsewhere).rejects.toMatchObject({ code: "taken" });
  });
});
