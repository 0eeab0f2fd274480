import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { type Captured, runWith } from "./captured.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: RegistryServer;
let repository: TestRepository;
let path: string;
let base: string;
const digests: string[] = [];
let worlds = 0;

beforeAll(async () => {
  folder = await temporaryFolder("review");
  server = await startRegistryServer({ dir: join(folder.path, "registry") });
  const registries = registriesWith();
  for (const version of ["1.0", "2.0"]) {
    const image = await buildImage("app", version);
    digests.push(image.root.descriptor.digest);
    const staged = registries.repository(parseRepository(`${server.address}/staging/app`));
    await pushImage(image, staged, [parseTag(version)]);
  }
  await registries.close();
});

afterAll(async () => {
  await server.close();
  await folder.remove();
});

const write = (images: Project["images"]): Promise<void> =>
  writeTree(path, [
    {
      name: "foo",
      source: `${server.address}/staging`,
      destinations: ["eu", "us"].map((place) => `${server.address}/w${worlds}/${place}`),
      images,
    },
  ]);
const first = (): Record<string, string[]> => ({ [digests[0] ?? ""]: ["1.0"] });
const both = (): Record<string, string[]> => ({ ...first(), [digests[1] ?? ""]: ["2.0"] });
const review = (env: Record<string, string>, ...argv: string[]): Promise<Captured> =>
  runWith({ ...gitEnvironment, HOME: folder.path, ...env }, "review", path, ...argv);

beforeEach(async () => {
  worlds += 1;
  repository = await createRepository(join(folder.path, `repository-${worlds}`));
  path = join(repository.path, "tree");
  await write({ app: first() });
  base = await repository.commit();
});

describe("waybill review", () => {
  test("passes a sound change, and shows what it would do and what the image is", async () => {
    await write({ app: both() });
    const { status, stdout, stderr } = await review({}, "--base", "HEAD");
    expect(status).toBe(0);
    expect(stdout).toMatch(/ {2}added {3}app:2\.0 +sha256:[0-9a-f]{12} +2 copy +.*images\.yaml:4:81\n/);
    expect(stdout).toContain("linux/amd64 linux/arm64, version 2.0\n");
    expect(stdout).toContain("linux/amd64 linux/arm64, version 2.0\n");
    expect(stdout).toMatch(/ {4}since 1\.0: 2 layers new \(\d+ B\), 2 gone, 1 shared \(\d+ B\)\n/);
    expect(stdout).toContain("\npasses: 2 edges added; 0 findings to mend, 0 worth knowing\n");
    expect(stdout).toContain(`the working tree against ${base.slice(0, 12)} (--base)\n`);
    expect(stderr).toContain("requests (");
  });

  test("ends with 2 when something fails, with the place, what it is and what to do", async () => {
    await write({ app: { [digests[1] ?? ""]: ["1.0"] } });
    const { status, stdout } = await review({}, "--base", "HEAD", "--offline");
    expect(status).toBe(2);
    expect(stdout).toMatch(
      /images\.yaml:3:81: fails: the tag app:1\.0 is asked for at .* \[tag-moved\]\n {4}hint: /,
    );
    expect(stdout).toContain(
      "offline: whether images are in staging, and what production holds, is not known\n",
    );
    await write({});
    expect((await review({}, "--base", "HEAD", "--offline")).status).toBe(2);
    expect((await review({}, "--base", "HEAD", "--offline", "--allow-removals")).status).toBe(0);
  });

  test("takes its base from the CI system, and says which variable it was", async () => {
    await repository.git("update-ref", "refs/remotes/origin/main", base);
    await write({ app: both() });
    const head = await repository.commit();
    const environments = [
      { PULL_BASE_SHA: base },
      { GITHUB_BASE_REF: "main" },
      { CI_MERGE_REQUEST_DIFF_BASE_SHA: base },
    ] as Record<string, string>[];
    for (const env of environments) {
      const [from = ""] = Object.keys(env);
      const { stdout, stderr } = await review(env, "--head", head, "--offline", "--json");
      expect(JSON.parse(stdout)).toMatchObject({ base: { commit: base, from }, head: { commit: head } });
      expect(stderr).toContain(`, from ${from}\n`);
    }
    expect((await review({})).stderr).toContain("nobody says what the change is made to");
  });

  test("writes JSON with the plan, a comment and annotations", async () => {
    await write({ app: both() });
    const head = await repository.commit();
    const files = { markdown: join(folder.path, "comment.md"), sarif: join(folder.path, "waybill.sarif") };
    const options = [
      "--base",
      base,
      "--head",
      head,
      "--markdown",
      files.markdown,
      "--sarif",
      files.sarif,
      "--json",
    ];
    const json = JSON.parse((await review({}, ...options)).stdout);
    expect(json).toMatchObject({
      format: "waybill-review/2",
      plan: { format: "waybill-plan/2", summary: { copy: 2 } },
    });
    const comment = await readFile(files.markdown, "utf8");
    expect(comment.split("\n")[0]).toBe(
      `<!-- waybill-review plan=${json.plan.hash} edges=${json.edgesHash} commit=${head} -->`,
    );
    expect(JSON.parse(await readFile(files.sarif, "utf8"))).toMatchObject({ version: "2.1.0" });
    expect((await review({}, "--base", base, "--head", head, "--markdown", "-")).stdout).toBe(comment);
    expect((await review({}, "--base", base, "--json", "--markdown", "-")).status).toBe(1);
    expect((await review({}, "--base", base, "--markdown", join(folder.path, "no/such"))).status).toBe(1);
  });

  test("reviews a commit that is not checked out", async () => {
    await write({ app: both() });
    const head = await repository.commit();
    await repository.git("checkout", "--quiet", base);
    await rm(path, { recursive: true });
    const { status, stdout } = await review({}, "--base", `${base}...`, "--head", head);
    expect(status).toBe(0);
    expect(stdout).toContain(`${head.slice(0, 12)} against ${base.slice(0, 12)} (--base)\n`);
  });
});
