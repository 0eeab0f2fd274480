import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { createRepository, type TestRepository } from "../support/git.ts";
import { describeWithGitea, type RealGitea, startGitea } from "../support/real-gitea.ts";
import { temporaryFolder, writeFiles } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { startTestServer, type TestServer } from "./server-under-test.ts";

interface ApiRun {
  readonly id: string;
  readonly state: string;
  readonly result?: string;
  readonly summary?: string;
}

interface GiteaPull {
  readonly number: number;
  readonly draft: boolean;
  readonly merged: boolean;
  readonly head: { readonly sha: string };
}

/** What the stand-in for a Gitea cannot prove: that its own webhooks are understood, and its own rules hold a pull request. */
describeWithGitea("a release by itself, on a real Gitea", () => {
  const regions = ["us", "eu", "asia"];
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let registry: Awaited<ReturnType<typeof startRegistryServer>>;
  let gitea: RealGitea;
  let server: TestServer;
  let robot: string;
  let cecile: string;
  let app: TestRepository;

  beforeAll(async () => {
    folder = await temporaryFolder("by-itself-gitea");
    registry = await startRegistryServer({ dir: join(folder.path, "registry") });
    gitea = await startGitea();
    robot = await gitea.addUser("robot");
    cecile = await gitea.addUser("cecile");
    await gitea.ask(robot, "POST", "/orgs", { username: "team" });
    app = await repository("app", {
      "cloudbuild.yaml":
        "steps:\n- name: gcr.io/cloud-builders/docker\n  args: [build, -t, 'gcr.io/$PROJECT_ID/hello:$TAG_NAME', ./context]\nimages: ['gcr.io/$PROJECT_ID/hello:$TAG_NAME']\n",
      "context/Dockerfile": "FROM scratch\nCOPY hello /\n",
      "context/hello": "hello\n",
    });
    await repository("manifests", {
      "images/app/images.yaml": "# What the app is made of.\n",
      "images/app/OWNERS": "approvers:\n- cecile\n",
      "manifests/app/promoter-manifest.yaml": `registries:\n- name: ${registry.address}/staging\n  src: true\n${regions
        .map((region) => `- name: ${registry.address}/${region}\n`)
        .join("")}`,
    });
    await mkdir(join(folder.path, "jobs"));
    const url = (name: string): string => `${gitea.url}/team/${name}.git`;
    await writeFile(
      join(folder.path, "jobs", "release.yaml"),
      `jobs:
- name: build-app
  repo: ${url("app")}
  triggers: { branch: ^v }
  build: { dir: ., project: k8s-staging-app, pushTo: ${registry.address}/staging }
- name: propose-app
  repo: ${url("app")}
  after: [build-app]
  propose: { from: build, repo: '${gitea.url}/team/manifests', manifests: ., project: app, staging: ${registry.address}/staging }
- name: review
  repo: ${url("manifests")}
  pullRequest: {}
  review: { manifests: ., requireApproval: true }
- name: promote
  repo: ${url("manifests")}
  triggers: { branch: ^main$ }
  promote: { manifests: . }
`,
    );
    const { PATH = "", TMPDIR } = process.env;
    const environment = { PATH, TMPDIR, HOME: folder.path, WAYBILL_FORGE_TOKEN: robot };
    server = await startTestServer(
      folder.path,
      { forges: { [gitea.host]: { kind: "gitea" } } },
      { environment },
    );
    for (const name of ["app", "manifests"]) {
      await gitea.ask(robot, "POST", `/repos/team/${name}/hooks`, {
        type: "gitea",
        active: true,
        events: [
          "push",
          "create",
          "pull_request",
          "pull_request_sync",
          "pull_request_comment",
          "issue_comment",
        ],
        config: { url: server.hook.url, content_type: "json", secret: server.hook.secret },
      });
    }
  });

  afterAll(async () => {
    await server?.stop();
    await gitea?.close();
    await registry?.close();
    await folder?.remove();
  });

  const repository = async (
    name: string,
    files: Readonly<Record<string, string>>,
  ): Promise<TestRepository> => {
    await gitea.ask(robot, "POST", "/orgs/team/repos", { name, default_branch: "main" });
    await gitea.ask(robot, "PUT", `/repos/team/${name}/collaborators/cecile`, { permission: "write" });
    const local = await createRepository(join(folder.path, name));
    await writeFiles(local.path, files);
    await local.commit("the beginning");
    await local.git("remote", "add", "origin", `http://robot:${robot}@${gitea.host}/team/${name}.git`);
    await local.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
    return local;
  };
  const ended = (job: string): Promise<ApiRun> =>
    server.until(`a run of ${job} that succeeded`, async () => {
      const { items } = await server.ask<{ readonly items: readonly ApiRun[] }>("GET", `/runs?job=${job}`);
      return items.find(({ state, result }) => state === "ended" && result === "SUCCESS");
    });
  const pull = (): Promise<GiteaPull> =>
    gitea.ask(robot, "GET", "/repos/team/manifests/pulls/1") as Promise<GiteaPull>;
  const say = (body: string): Promise<unknown> =>
    gitea.ask(cecile, "POST", "/repos/team/manifests/issues/1/comments", { body });
  const reviewed = async (state: string): Promise<true | undefined> => {
    const { head } = await pull();
    const found = (await gitea.ask(robot, "GET", `/repos/team/manifests/commits/${head.sha}/status`)) as {
      readonly statuses: readonly { readonly context: string; readonly status: string }[] | null;
    };
    const review = found.statuses?.find(({ context }) => context === "review");
    return review?.status === state ? true : undefined;
  };

  test("goes from the push of a tag to three registries, by its webhooks", { timeout: 300_000 }, async () => {
    for (const name of ["app", "manifests"]) {
      const text = `${gitea.url}/team/${name}.git is looked at from now on`;
      await server.until(text, () => (server.said.some((line) => line.includes(text)) ? true : undefined));
    }
    await app.git("tag", "v1.0.0");
    await app.git("push", "--quiet", "origin", "v1.0.0");
    expect(await ended("build-app")).toMatchObject({ summary: "built 1 image" });
    await ended("propose-app");
    expect(await pull()).toMatchObject({ draft: true });
    await server.until("a review that waits for approval", () => reviewed("pending"));
    await say("/approve");
    await say("All is well.\n\n/hold cancel");
    await server.until("a review that passes", () => reviewed("success"));
    await server.until("that it is held no more", async () => ((await pull()).draft ? undefined : true));
    const merge = { Do: "merge" };
    await server.until("its merge", () =>
      gitea.ask(cecile, "POST", "/repos/team/manifests/pulls/1/merge", merge).then(
        () => true as const,
        () => undefined,
      ),
    );
    expect(await ended("promote")).toMatchObject({ summary: "3 done" });
    const registries = registriesWith();
    const of = async (place: string) =>
      (
        await registries
          .repository(parseRepository(`${registry.address}/${place}/hello`))
          .resolve(parseTag("v1.0.0"))
      )?.digest;
    const staged = await of("staging");
    for (const region of regions) expect(await of(region)).toBe(staged);
    await registries.close();
  });
});
