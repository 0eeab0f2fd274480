import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { fittingTitle, openForge } from "../../src/forge/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { type Captured, runWith } from "../cli/captured.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { describeWithGitea, type RealGitea, startGitea } from "../support/real-gitea.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

/** What the stand-in for a Gitea cannot prove, because it was made by whoever made the client. */
describeWithGitea("a real Gitea", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let servers: Awaited<ReturnType<typeof startRegistryServer>>[];
  let gitea: RealGitea;
  const tokens: Record<string, string> = {};
  const digests: Record<string, string> = {};

  beforeAll(async () => {
    folder = await temporaryFolder("real-gitea");
    gitea = await startGitea();
    servers = [
      await startRegistryServer({ dir: join(folder.path, "staging") }),
      await startRegistryServer({ dir: join(folder.path, "production") }),
    ];
    const registries = registriesWith();
    for (const tag of ["v1", "v2", "v3"]) {
      const image = await buildImage("app", tag);
      digests[tag] = image.root.descriptor.digest;
      const repository = registries.repository(parseRepository(`${servers[0]?.address}/foo/app`));
      await pushImage(image, repository, [parseTag(tag)]);
    }
    await registries.close();
    for (const name of ["robot", "cecile", "usual"]) tokens[name] = await gitea.addUser(name);
    await gitea.ask(token("robot"), "POST", "/orgs", { username: "team" });
  }, 120_000);

  afterAll(async () => {
    await gitea?.close();
    await Promise.all((servers ?? []).map((server) => server.close()));
    await folder?.remove();
  });

  const write = async (local: TestRepository, files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(local.path, path)), { recursive: true });
      await writeFile(join(local.path, path), text);
    }
  };
  const token = (name: string): string => tokens[name] ?? "";
  const images = (...tags: string[]): string =>
    `- name: app\n  dmap:\n${tags.map((tag) => `    "${digests[tag]}": ["${tag}"]\n`).join("")}`;

  /** A repository of the organization that cecile may write to, and a fork of it. */
  const repository = async (name: string): Promise<TestRepository> => {
    await gitea.ask(token("robot"), "POST", "/orgs/team/repos", { name, default_branch: "main" });
    const writer = { permission: "write" };
    await gitea.ask(token("robot"), "PUT", `/repos/team/${name}/collaborators/cecile`, writer);
    const local = await createRepository(join(folder.path, name));
    await write(local, {
      "images/foo/images.yaml": images("v1"),
      "manifests/foo/promoter-manifest.yaml": `registries:\n- name: ${servers[0]?.address}/foo\n  src: true\n- name: ${servers[1]?.address}/prod\n`,
      OWNERS: "approvers:\n- cecile\n",
    });
    await local.commit("the beginning");
    await local.git(
      "remote",
      "add",
      "origin",
      `http://robot:${token("robot")}@${gitea.host}/team/${name}.git`,
    );
    await local.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
    // Its first push is worked on after it is over, and there are no pull requests before.
    while (((await gitea.ask(token("robot"), "GET", `/repos/team/${name}`)) as { empty: boolean }).empty) {}
    await gitea.ask(token("usual"), "POST", `/repos/team/${name}/forks`, {});
    return local;
  };

  const waybill = (as: string | undefined, ...words: string[]): Promise<Captured> =>
    runWith(
      {
        ...{ ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null" },
        ...(as === undefined ? {} : { WAYBILL_FORGE_TOKEN: token(as) }),
      },
      ...words,
    );
  const propose = (as: string | undefined, name: string, ...words: string[]): Promise<Captured> =>
    waybill(
      as,
      ...["pr", `${gitea.url}/team/${name}`, "--staging-repo", `${servers[0]?.address}/foo`],
      ...["--project", "foo", "--tag", "v2", "--reviewer", "cecile", ...words],
    );
  const forge = (as: string) => openForge({ kind: "gitea", host: gitea.host, token: token(as) });
  const asked = async (name: string): Promise<string[]> => {
    const path = `/repos/team/${name}/pulls/1`;
    const found = (await gitea.ask(token("robot"), "GET", path)) as {
      requested_reviewers: { login: string }[] | null;
    };
    return (found.requested_reviewers ?? []).map(({ login }) => login);
  };
  const address = (name: string): string => `${gitea.url}/team/${name}/pulls/1`;

  test("sees a promotion proposed, held, reviewed, approved, merged, promoted and waited for", async () => {
    const local = await repository("story");
    expect(await propose(undefined, "story", "--dry-run")).toMatchObject({ status: 0 });
    expect(await propose("robot", "story")).toMatchObject({
      status: 0,
      stdout: `opened: ${address("story")}\n`,
    });
    expect(await asked("story")).toEqual(["cecile"]);
    expect(await propose("robot", "story")).toMatchObject({
      ...{ status: 0, stdout: `unchanged: ${address("story")}\n` },
    });
    const pulls = forge("robot").project("team/story").pullRequests;
    expect(await pulls.read(1)).toMatchObject({ draft: true, labels: ["do-not-merge/hold"] });
    const merge = { Do: "merge" };
    await expect(
      gitea.ask(token("robot"), "POST", "/repos/team/story/pulls/1/merge", merge),
    ).rejects.toThrow();

    const review = async (): Promise<Captured> => {
      await local.git("fetch", "--quiet", "origin");
      const head = (await pulls.read(1)).head.commit;
      const words = ["--base", "origin/main...", "--head", head, "--post", address("story")];
      return waybill("robot", "review", local.path, ...words, "--require-approval");
    };
    expect(await review()).toMatchObject({ status: 2 });
    const { head } = await pulls.read(1);
    const approval = { event: "APPROVED", body: "well", commit_id: head.commit };
    await gitea.ask(token("cecile"), "POST", "/repos/team/story/pulls/1/reviews", approval);
    expect(await review()).toMatchObject({ status: 0 });
    expect(await propose("robot", "story")).toMatchObject({ status: 0 });
    // Who has answered stays in the list, and is not asked again.
    expect(await asked("story")).toEqual(["cecile"]);

    // The base goes on: the branch is made anew on it, and the approval outlives that.
    await write(local, { "images/foo/images.yaml": images("v1", "v3") });
    await local.commit("something else");
    await local.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
    expect(await propose("robot", "story")).toMatchObject({ stdout: `updated: ${address("story")}\n` });
    expect((await pulls.read(1)).head.commit).not.toBe(head.commit);
    const clone = `http://robot:${token("robot")}@${gitea.host}/team/story.git`;
    await repositoryAt(folder.path).git("clone", "--quiet", clone, "fresh");
    const fresh = repositoryAt(join(folder.path, "fresh"));
    const words = ["--base", "origin/main...", "--head", (await pulls.read(1)).head.commit];
    const post = ["--post", address("story"), "--require-approval"];
    expect(await waybill("robot", "review", fresh.path, ...words, ...post)).toMatchObject({ status: 0 });

    expect(await waybill("cecile", "unhold", address("story"))).toMatchObject({ status: 0 });
    expect(await propose("robot", "story")).toMatchObject({
      status: 0,
      stdout: `unchanged: ${address("story")}\n`,
    });
    // It looks for conflicts by itself, and asks for patience until it has.
    const pull = "/repos/team/story/pulls/1";
    while (!((await gitea.ask(token("robot"), "GET", pull)) as { mergeable: boolean }).mergeable) {}
    await gitea.ask(token("robot"), "POST", `${pull}/merge`, merge);
    expect((await waybill("robot", "hold", address("story"))).stderr).toContain("the pull request is merged");
    await fresh.git("pull", "--quiet", "origin", "main");
    const waiting = waybill("robot", "wait", fresh.path, "--timeout", "60s", "--interval", "1s");
    expect(await waybill("robot", "promote", fresh.path, "--confirm")).toMatchObject({ status: 0 });
    expect(await waiting).toMatchObject({ status: 0 });
  }, 120_000);

  test("is proposed to by whoever may not write, from a fork that is behind", async () => {
    const local = await repository("behind");
    await write(local, { "notes.md": "Something else.\n" });
    await local.commit("the fork has not got it");
    await local.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
    for (const outcome of ["opened", "unchanged"]) {
      const proposed = await propose("usual", "behind", "--fork", "usual/behind");
      expect(proposed).toMatchObject({ status: 2, stdout: `${outcome}: ${address("behind")}\n` });
      expect(proposed.stderr).toContain("somebody who may write to team/behind can: waybill pr hold");
    }
    expect(await waybill("cecile", "hold", address("behind"))).toMatchObject({ status: 0 });
    await write(local, { "notes.md": "Something else again.\n" });
    await local.commit("the base has changed");
    await local.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
    expect(await propose("usual", "behind", "--fork", "usual/behind")).toMatchObject({
      stdout: `updated: ${address("behind")}\n`,
    });
  }, 60_000);

  test("is followed to another name, and asked by another host name than its own", async () => {
    await repository("old");
    await gitea.ask(token("robot"), "PATCH", "/repos/team/old", { name: "new" });
    const other = gitea.url.replace("127.0.0.1", "localhost");
    const proposed = await waybill(
      "robot",
      ...["pr", `${other}/team/old`, "--staging-repo", `${servers[0]?.address}/foo`, "--tag", "v2"],
    );
    expect(proposed).toMatchObject({ status: 0, stdout: `opened: ${address("new")}\n` });
    expect(proposed.stderr).toContain("team/old is called team/new now");
    expect(await waybill("robot", "unhold", address("old"))).toMatchObject({ status: 0 });
    expect(await waybill("robot", "hold", address("old"))).toMatchObject({ status: 0 });
  }, 60_000);

  test("takes titles, labels, comments and statuses as they are sent", async () => {
    await repository("contract");
    await propose("robot", "contract", "--no-hold");
    const project = forge("robot").project("team/contract");
    for (const title of ["all of it ".repeat(40), "推".repeat(300), `é${"x".repeat(253)}`, "WIP: no draft"]) {
      const { title: there } = await project.pullRequests.update(1, { title, draft: true });
      expect(there).toBe(fittingTitle("gitea", title));
    }
    const labels = ["area/release", "new one"];
    expect([...(await project.pullRequests.update(1, { labels })).labels].sort()).toEqual(labels);
    const refused = await project.pullRequests.requestReviews(1, ["nobody", "team/nobody", "cecile"]);
    expect(refused.refused.map(({ reviewer }) => reviewer)).toEqual(["nobody", "team/nobody"]);
    await project.conversation.put(1, "<!-- mark -->", "One.");
    await project.conversation.put(1, "<!-- mark -->", "Two.");
    expect((await project.conversation.comments(1)).map(({ body }) => body)).toEqual([
      expect.stringContaining("Two."),
    ]);
    const { commit } = (await project.pullRequests.read(1)).head;
    const description = "é".repeat(400);
    await project.statuses.set(commit, { context: "waybill/plan", state: "success", description });
    expect(await project.statuses.read(commit)).toMatchObject([
      { context: "waybill/plan", state: "success" },
    ]);
  }, 60_000);
});
