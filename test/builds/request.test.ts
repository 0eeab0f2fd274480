import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDockerfile } from "../../src/builds/engines/build-sources.ts";
import { type BuildRequest, prepareBuild } from "../../src/builds/index.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder("build-request");
  const repository = await createRepository(folder.path);
  await writeFile(
    join(folder.path, "cloudbuild.yaml"),
    "steps: [{name: gcr.io/cloud-builders/docker, args: [build, -t, 'a/b:$_GIT_TAG', .]}]\n",
  );
  await repository.commit();
});
afterAll(() => folder.remove());

async function planOf(request: Partial<BuildRequest>) {
  const environment = gitEnvironment;
  const prepared = await prepareBuild({ configDir: folder.path, engine: "plan", environment, ...request });
  return prepared.plan;
}

describe("what is asked for", () => {
  test.each(["linux/amd64;x", "linux", "linux/AMD64", ""])("is no platform named %j", async (platform) => {
    await expect(planOf({ platforms: ["linux/amd64", platform] })).rejects.toMatchObject({
      code: "invalid-platform",
    });
  });

  test("is each platform once", async () => {
    const { builds } = await planOf({ platforms: ["linux/arm/v7", "linux/arm/v7"] });
    expect(builds[0]?.actions).toMatchObject([{ action: { platforms: ["linux/arm/v7"] } }]);
  });

  test.each(["2026-11-20", "99999999", "20261320", "yesterday"])("is no day called %s", async (date) => {
    await expect(planOf({ date })).rejects.toMatchObject({ code: "invalid-date" });
    expect((await planOf({ date: "20261120" })).tag).toMatch(/^v20261120-/);
  });

  test("is told without a password where it is no registry", async () => {
    const pushTo = "https://user:se@cret@example.com/x";
    await expect(planOf({ pushTo })).rejects.toThrow('"https://example.com/x" is no registry to push to');
  });

  test("is recorded without the password of a repository", async () => {
    const { source } = await planOf({ repository: "https://me:secret@example.com/team/app.git?key=secret" });
    expect(source).toMatchObject({ repository: "https://example.com/team/app.git", name: "app" });
  });
});

test("a pipe is no Dockerfile: it would be read without end", async () => {
  const context = join(folder.path, "context");
  await mkdir(context);
  execFileSync("mkfifo", [join(context, "Dockerfile")]);
  const build = { context, dockerfile: join(context, "Dockerfile") };
  await expect(findDockerfile(build as Parameters<typeof findDockerfile>[0])).rejects.toMatchObject({
    code: "dockerfile-missing",
  });
});
