import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { type Captured, runWith } from "../cli/captured.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const test = testWith("git");
const path = "team/images";
const file = "images/foo/images.yaml";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let servers: Awaited<ReturnType<typeof startRegistryServer>>[];
let forge: ForgeServer;
let checkout: TestRepository;
let env: Record<string, string>;
let digests: Record<string, string>;

const manifest = (...tags: readonly string[]): string =>
  `- name: app\n  dmap:\n${tags.map((tag) => `    "${digests[tag]}": ["${tag}"]\n`).join("")}`;

beforeEach(async () => {
  folder = await temporaryFolder("after-review");
  servers = [
    await startRegistryServer({ dir: join(folder.path, "staging") }),
    await startRegistryServer({ dir: join(folder.path, "production") }),
  ];
  const [staging = "", production = ""] = servers.map(({ address }) => address);
  forge = await startForgeServer({ kind: "gitea" });
  digests = {};
  const registries = registriesWith();
  for (const tag of ["v1", "v2", "v3"]) {
    const image = await buildImage("app", tag);
    digests[tag] = image.root.descriptor.digest;
    await pushImage(image, registries.repository(parseRepository(`${staging}/foo/app`)), [parseTag(tag)]);
  }
  await registries.close();
  const token = forge.addUser("robot");
  forge.addUser("ann");
  await forge.createRepository(path, {
    [file]: manifest("v1"),
    "manifests/foo/promoter-manifest.yaml": `registries:\n- name: ${staging}/foo\n  src: true\n- name: ${production}/prod\n`,
    OWNERS: "approvers:\n- ann\n",
  });
  forge.addWriter(path, "robot");
  env = { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: token };
  await repositoryAt(folder.path).git("clone", "--quiet", `${forge.url}/${path}.git`, "checkout");
  checkout = repositoryAt(join(folder.path, "checkout"));
  const proposed = await runWith(
    env,
    ...["pr", `${forge.url}/${path}`, "--forge", "gitea", "--staging-repo", `${staging}/foo`],
    ...["--project", "foo", "--tag", "v2", "--no-hold"],
  );
  expect(proposed).toMatchObject({ status: 0 });
});

afterEach(async () => {
  await forge.close();
  await Promise.all(servers.map((server) => server.close()));
  await folder.remove();
});

const branch = "foo-v2-image-promotion";

async function review(): Promise<Captured> {
  await checkout.git("fetch", "--quiet", "origin");
  const [pull] = forge.pullRequests(path);
  return runWith(
    env,
    ...["review", checkout.path, "--base", "origin/main...", "--head", `origin/${branch}`],
    ...["--post", `${forge.url}/${path}/pulls/${pull?.number}`, "--forge", "gitea", "--require-approval"],
  );
}

describe("after an approval", () => {
  test("an edge that is added makes it void, and the status says so", async () => {
    await forge.approve(path, 1, "ann");
    expect(await review()).toMatchObject({ status: 0 });
    await forge.commit(path, branch, { [file]: manifest("v1", "v2", "v3") });
    const again = await review();
    expect(again).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("the approval of ann does not count: edges-changed"),
    });
    expect(again.stderr).toContain(`not approved: ${file}`);
    const comments = forge.pullRequest(path, 1).comments.map(({ body }) => body);
    expect(comments.filter((body) => body.includes("waybill-review"))).toHaveLength(1);
    expect(comments.at(-1)).toContain("void, something else was approved than is asked for now");
    await forge.approve(path, 1, "ann");
    expect(await review()).toMatchObject({ status: 0 });
  });

  test("a rebase leaves it standing, also in a checkout that never had the commit it was given for", async () => {
    await forge.approve(path, 1, "ann");
    const approved = await forge.branch(path, branch);
    await forge.commit(path, "main", { "notes.md": "Something else.\n" });
    await checkout.git("fetch", "--quiet", "origin");
    await checkout.git("checkout", "--quiet", "--detach", `origin/${branch}`);
    await checkout.git("rebase", "--quiet", "origin/main");
    const rebased = await checkout.git("rev-parse", "HEAD");
    const url = `http://robot:${env.WAYBILL_FORGE_TOKEN}@${forge.host}/${path}.git`;
    await checkout.git("push", "--quiet", "--force", url, `HEAD:refs/heads/${branch}`);
    await repositoryAt(folder.path).git("clone", "--quiet", `${forge.url}/${path}.git`, "fresh");
    checkout = repositoryAt(join(folder.path, "fresh"));
    expect(await checkout.git("rev-parse", `origin/${branch}`)).toBe(rebased);
    await expect(checkout.git("cat-file", "-e", `${approved}^{commit}`)).rejects.toThrow();
    expect(await review()).toMatchObject({ status: 0 });
    // Something else is asked for since: then it stands no more.
    await forge.commit(path, branch, { [file]: manifest("v1", "v2", "v3") });
    expect(await review()).toMatchObject({ status: 2, stderr: expect.stringContaining("edges-changed") });
  });

  test("a comment in the manifest leaves it standing", async () => {
    await forge.approve(path, 1, "ann");
    await forge.commit(path, branch, { [file]: `# What foo promotes.\n${manifest("v1", "v2")}` });
    expect(await review()).toMatchObject({ status: 0 });
  });

  test("a tag that has appeared in production at another digest fails the review, and stops the promotion", async () => {
    await forge.approve(path, 1, "ann");
    expect(await review()).toMatchObject({ status: 0 });
    const saved = join(folder.path, "plan.json");
    await checkout.git("checkout", "--quiet", `origin/${branch}`);
    expect(await runWith(env, "plan", checkout.path, "--out", saved)).toMatchObject({ status: 0 });

    const [, production] = servers;
    const registries = registriesWith();
    const other = await buildImage("app", "somebody else's");
    const repository = registries.repository(parseRepository(`${production?.address}/prod/app`));
    await pushImage(other, repository, [parseTag("v2")]);
    await registries.close();

    expect(await review()).toMatchObject({ status: 2, stdout: expect.stringContaining("v2") });
    const promoted = await runWith(env, "promote", checkout.path, "--confirm", "--plan", saved);
    expect(promoted.status).toBe(2);
    expect(promoted.stdout).toMatch(
      /the tag stands at another digest in production; tags are never moved \(it stands at sha256:[0-9a-f]{64}\)/,
    );
  });
});
