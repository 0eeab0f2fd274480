import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuildRequest, jobNameOf, prepareBuild } from "../../src/builds/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;
beforeAll(async () => {
  folder = await temporaryFolder("build-substitutions");
  repository = await createRepository(join(folder.path, "hello"));
});
afterAll(() => folder.remove());

/** The plan of a file with one step, which echoes what is said. */
async function planOf(said: string, request: Partial<BuildRequest> = {}, more = "") {
  await writeFile(
    join(repository.path, "cloudbuild.yaml"),
    `steps: [{name: busybox, args: [${JSON.stringify(said)}]}]\n${more}`,
  );
  await repository.commit();
  const { plan } = await prepareBuild({
    configDir: repository.path,
    engine: "plan",
    environment: { ...gitEnvironment, PULL_BASE_REF: "release" },
    project: "p",
    ...request,
  });
  return plan;
}

const saidIn = ({ builds }: Awaited<ReturnType<typeof planOf>>) => builds[0]?.build.steps[0]?.args[0];

describe("a file that does not use", () => {
  test("$_GIT_TAG is built by MUST_MATCH, and is not told of it", async () => {
    const plan = await planOf("nothing", { substitutions: { _GIT_TAG: "v1" } });
    expect(plan).toMatchObject({ tag: "v1", notes: [] });
    expect(plan.builds[0]?.given).toEqual({});
    const used = await planOf("$_GIT_TAG", { date: "20261120" });
    expect(used.builds[0]?.given).toEqual({ _GIT_TAG: expect.stringMatching(/^v20261120-/) });
  });

  test("a variable of the environment is told of it, and built", async () => {
    const plan = await planOf("nothing", { envPassthrough: ["PULL_BASE_REF"] });
    expect(plan.notes).toEqual([
      "the build file does not use $_PULL_BASE_REF, which --env-passthrough would give it",
    ]);
    expect(saidIn(await planOf("$_PULL_BASE_REF", { envPassthrough: ["PULL_BASE_REF"] }))).toBe("release");
  });

  test("what was asked for by name is refused, as Cloud Build refuses it", async () => {
    const request = { substitutions: { _KIND: "x" } };
    await expect(planOf("nothing", request)).rejects.toThrow('key "_KIND" in the substitution data');
    const loose = await planOf("nothing", { ...request, substitutionOption: "ALLOW_LOOSE" });
    expect(loose.builds[0]?.given).toEqual({ _KIND: "x" });
  });

  test("what image-builder gives it is refused, where all that is given has to match", async () => {
    await expect(planOf("nothing", { givenMustMatch: true })).rejects.toThrow('key "_GIT_TAG" in the');
    const request = { givenMustMatch: true, envPassthrough: ["PULL_BASE_REF"] };
    await expect(planOf("$_GIT_TAG", request)).rejects.toThrow('key "_PULL_BASE_REF" in the');
  });

  test("$_GIT_TAG in a script may find it among its variables", async () => {
    await writeFile(
      join(repository.path, "cloudbuild.yaml"),
      "steps: [{name: busybox, script: echo $_GIT_TAG}]\noptions: {automapSubstitutions: true}\n",
    );
    await repository.commit();
    const { plan } = await prepareBuild({
      configDir: repository.path,
      engine: "plan",
      environment: gitEnvironment,
    });
    expect(plan.builds[0]?.given).toEqual({ _GIT_TAG: plan.tag });
    expect(plan.builds[0]?.build.steps[0]?.env._GIT_TAG).toBe(plan.tag);
  });
});

describe("what a trigger would say", () => {
  const all = "$BRANCH_NAME,$TAG_NAME,$REF_NAME,$REPO_NAME,$TRIGGER_BUILD_CONFIG_PATH";

  test("is that of the branch and tag that are checked out", async () => {
    const before = await planOf(all);
    expect(saidIn(before)).toBe("main,,main,hello,cloudbuild.yaml");
    expect(before.notes).toEqual([
      "$TAG_NAME is empty: nothing here says what it is; --substitution TAG_NAME=… does",
    ]);
    await repository.git("tag", "v1.0.0");
    const onTag = await prepareBuild({
      configDir: repository.path,
      engine: "plan",
      environment: gitEnvironment,
    });
    expect(saidIn(onTag.plan)).toBe("main,v1.0.0,main,hello,cloudbuild.yaml");
    await writeFile(
      join(repository.path, "cloudbuild.yaml"),
      "steps: [{name: busybox, args: [$TAG_NAME]}]\n",
    );
    const { plan } = await prepareBuild({
      configDir: repository.path,
      engine: "plan",
      environment: gitEnvironment,
      allowDirty: true,
    });
    // What is built is not what the tag stands for.
    expect(saidIn(plan)).toBe("");
  });

  test("is that of the ref that was pushed", async () => {
    expect(saidIn(await planOf(all, { ref: "refs/tags/v2" }))).toBe(",v2,v2,hello,cloudbuild.yaml");
    expect(saidIn(await planOf(all, { ref: "refs/heads/a/b" }))).toBe("a/b,,a/b,hello,cloudbuild.yaml");
  });

  test("may be given, and is missed by name where an image is named after it", async () => {
    const named = "images: [gcr.io/p/x:$TAG_NAME]\n";
    await repository.commit();
    await expect(planOf("again", {}, named)).rejects.toMatchObject({
      diagnostics: [
        expect.objectContaining({
          hint: "the file has gcr.io/p/x:$TAG_NAME, and $TAG_NAME is empty: --substitution TAG_NAME=… gives it a value",
        }),
      ],
    });
    const plan = await planOf("again", { substitutions: { TAG_NAME: "v9" } }, named);
    expect(plan.builds[0]?.pushes).toMatchObject([{ tag: "v9" }]);
  });

  test("is told to Google's service, which would not know it", async () => {
    const plan = await planOf("$BRANCH_NAME $COMMIT_SHA $PROJECT_ID", { engine: "gcb" });
    expect(plan.builds[0]?.given).toEqual({ BRANCH_NAME: "main", COMMIT_SHA: plan.source.commit });
    const strict = { engine: "gcb", givenMustMatch: true } as const;
    const { builds, tag } = await planOf("$BRANCH_NAME $_GIT_TAG", strict);
    expect(builds[0]?.given).toEqual({ _GIT_TAG: tag });
  });
});

test("another option than the file's holds for Google's service as well", async () => {
  await planOf("$_NOBODY_KNOWS", { substitutionOption: "ALLOW_LOOSE" });
  const { file } = await prepareBuild({
    configDir: repository.path,
    engine: "plan",
    environment: gitEnvironment,
    substitutionOption: "ALLOW_LOOSE",
  });
  expect(file.document.options).toEqual({ substitutionOption: "ALLOW_LOOSE" });
});

test("the job of a build is named after the repository, be it by its folder", async () => {
  expect(jobNameOf(await planOf("x"))).toBe("build-hello");
  await repository.git("remote", "add", "origin", "https://example.com/org/other.git");
  expect(jobNameOf(await planOf("x"))).toBe("build-other");
});
