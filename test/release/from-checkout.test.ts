import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { type Captured, runWith } from "../cli/captured.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { typeAnswers } from "../support/typist.ts";
import { registriesWith } from "../support/world.ts";

const path = "team/images";
const test = testWith("git");

/** A release manager names the folder of manifests in a checkout, and nothing else of where it is proposed. */
describe("waybill pr in a checkout", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: Awaited<ReturnType<typeof startRegistryServer>>;
  let forge: ForgeServer;
  let env: Record<string, string>;
  let checkout: TestRepository;

  beforeAll(async () => {
    folder = await temporaryFolder("pr-checkout");
    staging = await startRegistryServer({ dir: join(folder.path, "staging") });
    forge = await startForgeServer({ kind: "github" });
    const registries = registriesWith();
    const repository = registries.repository(parseRepository(`${staging.address}/k8s-staging-foo/app`));
    await pushImage(await buildImage("app", "v1"), repository, [parseTag("v1")]);
    for (const tag of ["v1.30.0-rc.0", "v1.31.0-alpha.0"]) {
      await pushImage(await buildImage("app", tag), repository, [parseTag(tag)]);
    }
    await registries.close();
    const token = forge.addUser("robot");
    const registriesOf = (source: string, destination = "prod") =>
      `registries:\n- name: ${staging.address}/${source}\n  src: true\n- name: ${staging.address}/${destination}\n`;
    await forge.createRepository(path, {
      "top/images/foo/images.yaml": "[]\n",
      "top/manifests/foo/promoter-manifest.yaml": registriesOf("k8s-staging-foo"),
      "top/images/taken/images.yaml": `- name: app\n  dmap:\n    "sha256:${"0".repeat(64)}": ["v1"]\n`,
      "top/manifests/taken/promoter-manifest.yaml": registriesOf("k8s-staging-foo", "elsewhere"),
      "top/images/one/images.yaml": "[]\n",
      "top/manifests/one/promoter-manifest.yaml": registriesOf("k8s-staging-twin"),
      "top/images/two/images.yaml": "[]\n",
      "top/images/odd/images.yaml": "[]\n",
      "top/manifests/odd/promoter-manifest.yaml": registriesOf("k8s-staging-bar"),
      "top/manifests/two/promoter-manifest.yaml": registriesOf("k8s-staging-twin"),
    });
    forge.addWriter(path, "robot");
    await forge.fork(path, "robot");
    env = { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: token };
    checkout = await clone("checkout");
  });
  afterAll(async () => {
    await forge.close();
    await staging.close();
    await folder.remove();
  });

  async function clone(name: string, from = path, ...words: readonly string[]): Promise<TestRepository> {
    const url = `${forge.url}/${from}.git`;
    await repositoryAt(folder.path).git("clone", "--quiet", ...words, url, name);
    return repositoryAt(join(folder.path, name));
  }
  const propose = (local: TestRepository, ...words: readonly string[]): Promise<Captured> =>
    runWith(env, "pr", join(local.path, "top"), "--forge", "github", "--tag", "v1", "--dry-run", ...words);
  const isProposed = { status: 0, stdout: expect.stringContaining('["v1"]') };

  test("finds the staging registry of a project by its name, or by that of the registry", async () => {
    expect(await propose(checkout, "--project", "foo")).toMatchObject(isProposed);
    const unknown = await propose(checkout, "--project", "fooo");
    expect(unknown.stderr).toContain(
      'error: the manifests have no project "fooo"\n  hint: did you mean foo?',
    );
    const several = await propose(checkout, "--project", "twin");
    expect(several.stderr).toContain("error: several projects are called twin: one, two\n");
    for (const [name, source] of [
      ["one", "k8s-staging-twin"],
      ["bar", "k8s-staging-bar"],
    ] as const) {
      const { stderr } = await propose(checkout, "--project", name);
      expect(stderr).toContain(`at ${staging.address}/${source}`);
    }
  });

  test("names files from the top of the repository, for the folder that it works in is gone", async () => {
    const { status, stderr } = await propose(checkout, "--project", "taken");
    expect(status).toBe(1);
    expect(stderr).toContain(`${"0".repeat(64)} (top/images/taken/images.yaml:3), and staging has it at `);
    expect(stderr).toContain("\n  at top/images/taken/images.yaml\n");
  });

  test("says all that is missing at once", async () => {
    const line = ["pr", join(checkout.path, "top"), "--forge", "github"];
    const { stderr } = await runWith(env, ...line);
    expect(stderr).toContain("--project NAME or --staging-repo REGISTRY; and which version, with --release");
    const bare = await runWith(env, "pr", folder.path);
    expect(bare.stderr).toContain("with --tag TAG; and say what holds the manifests: waybill pr HOST/OWNER");
  });

  test("proposes the same in a shallow clone, a worktree, a submodule, and with a detached HEAD", async () => {
    const shallow = await clone("shallow", path, "--depth", "1");
    await checkout.git("worktree", "add", "--quiet", join(folder.path, "worktree"), "-b", "other");
    const above = await clone("above", "robot/images");
    const url = `${forge.url}/${path}.git`;
    await above.git("-c", "protocol.allow=always", "submodule", "--quiet", "add", url, "sub");
    const detached = await clone("detached", path, "--origin", "elsewhere");
    await detached.git("checkout", "--quiet", "--detach");
    const places = [shallow, "worktree", join("above", "sub"), detached].map((place) =>
      typeof place === "string" ? repositoryAt(join(folder.path, place)) : place,
    );
    for (const place of places) {
      expect(await propose(place, "--project", "foo"), place.path).toMatchObject(isProposed);
    }
  });

  test("leaves changes that are not committed alone, and says that they play no part", async () => {
    const edited = await clone("edited");
    await writeFile(join(edited.path, "README.md"), "new");
    expect((await propose(edited, "--project", "foo")).stderr).not.toContain("plays no part");
    await writeFile(join(edited.path, "top/images/foo/images.yaml"), "what nobody can read");
    const told = await propose(edited, "--project", "foo");
    expect(told).toMatchObject(isProposed);
    expect(told.stderr).toContain("and not committed plays no part");
    expect(await edited.git("status", "--porcelain")).toBe(" M top/images/foo/images.yaml\n?? README.md");
  });

  test("does not take a fork for what is meant, nor one of several remotes, nor a folder", async () => {
    const fork = await clone("fork", "robot/images");
    const refused = await propose(fork, "--project", "foo");
    expect(refused.stderr).toContain("comes from robot/images, which is a fork of team/images");
    const named = [`--repo=${forge.url}/${path}`, "--manifests=top", "--fork=robot/images"];
    expect(await propose(fork, "--project", "foo", ...named)).toMatchObject(isProposed);

    await fork.git("remote", "rename", "origin", "mine");
    await fork.git("remote", "add", "theirs", `${forge.url}/${path}.git`);
    await fork.git("checkout", "--quiet", "--detach");
    const several = await propose(fork, "--project", "foo");
    expect(several.stderr).toContain("nobody says which remote of");
    expect(several.stderr).toContain("mine, theirs\n  hint: say where it is proposed: waybill pr top --repo");

    for (const remote of ["mine", "theirs"]) await fork.git("remote", "remove", remote);
    expect((await propose(fork, "--project", "foo")).stderr).toContain("is in a repository without a remote");
    await fork.git("remote", "add", "origin", checkout.path);
    expect((await propose(fork, "--project", "foo")).stderr).toContain("which is on no forge");

    const bare = join(folder.path, "none", "top");
    await mkdir(bare, { recursive: true });
    const none = await propose(repositoryAt(join(folder.path, "none")), "--project", "foo");
    expect(none.stderr).toContain("is in no Git repository\n  hint: say what holds the manifests");
    for (const path of ["no/where", "../nowhere"]) {
      const nowhere = await runWith(env, "pr", path, "--project", "foo", "--tag", "v1");
      expect(nowhere.stderr).toContain(`error: ${path} is no folder here, and no repository on a forge\n`);
    }
  });

  const line = (...words: readonly string[]): string[] => [
    ...["pr", join(checkout.path, "top"), "--forge", "github", "--project", "foo", "--tag", "v1"],
    ...["--interactive", ...words],
  ];

  test("asks nobody where nobody sits", async () => {
    const { status, stderr } = await runWith(env, ...line());
    expect(status).toBe(1);
    expect(stderr).toContain("error: nobody sits here who could be asked\n  hint: leave --interactive out");
    expect((await runWith(env, ...line("--dry-run"))).status).toBe(0);
  });

  testWith("git", "python3")("asks before each step, and leaves the rest after a no", async () => {
    const declined = await typeAnswers(line(), env, [["Push to team/images foo-v1-image-promotion?", "n"]]);
    expect(declined.said).toContain("stopped, as you said; nothing was pushed");
    expect(declined.status).toBe(0);
    const left = await typeAnswers(line(), env, [
      ["Push to team/images foo-v1-image-promotion?", "\r"],
      ["Open a pull request for team/images main?", "\u0003"],
    ]);
    expect(left.said).toContain("the question was not answered");
    expect(left.status).toBe(130);
    expect(forge.pullRequests(path)).toHaveLength(0);
    const done = await typeAnswers(line(), env, [["Open a pull request for team/images main?", "y"]]);
    expect(done).toMatchObject({ status: 0, said: expect.stringContaining("opened: http") });
  });

  testWith("git", "python3")("is given up at a question, though others were answered", async () => {
    const release = ["--release", "v1.30.0-rc.0", "--profile", "kubernetes", "--interactive"];
    const place = ["pr", join(checkout.path, "top"), "--forge", "github", "--project", "foo"];
    const { said, status } = await typeAnswers([...place, ...release], env, [
      ["Push to team/images foo-v1.30.0-rc.0-image-promotion?", "y"],
      ["Open a pull request for team/images main?", "y"],
      ["Push to team/images foo-v1.31.0-alpha.0-image-promotion?", "\u0003"],
    ]);
    expect(said).toContain("the question was not answered");
    expect(status).toBe(130);
  });
});
