import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { ImageLife } from "../../src/history/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { runWith } from "../cli/captured.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment, repositoryAt } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { startTestServer, type TestServer } from "./server-under-test.ts";

const app = "team/app";
const manifests = "team/manifests";
const regions = ["us", "eu", "asia"];
const list = "registry/images/app/images.yaml";

interface ApiRun {
  readonly id: string;
  readonly job: string;
  readonly state: string;
  readonly result?: string;
  readonly summary?: string;
}

/** From the push of a tag to production, on each forge: nobody types anything between the words that people say under a pull request. */
describe.each(["github", "gitlab", "gitea"] as const)("a release by itself, on %s", (kind) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let registry: Awaited<ReturnType<typeof startRegistryServer>>;
  let forge: ForgeServer;
  let server: TestServer;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await temporaryFolder("by-itself");
    [registry, forge] = await Promise.all([
      startRegistryServer({ dir: join(folder.path, "registry") }),
      startForgeServer({ kind }),
    ]);
    const token = forge.addUser("robot");
    forge.addUser("cecile");
    await forge.createRepository(app, {
      "cloudbuild.yaml": [
        "steps:",
        "- name: gcr.io/cloud-builders/docker",
        "  args: [build, -t, 'gcr.io/$PROJECT_ID/hello:$TAG_NAME', ./context]",
        "images: ['gcr.io/$PROJECT_ID/hello:$TAG_NAME']",
        "",
      ].join("\n"),
      "context/Dockerfile": "FROM scratch\nCOPY hello /\n",
      "context/hello": "hello\n",
    });
    await forge.createRepository(manifests, {
      [list]: "# What the app is made of.\n",
      "registry/images/app/OWNERS": "approvers:\n- cecile\n",
      "registry/manifests/app/promoter-manifest.yaml": [
        "registries:",
        `- name: ${registry.address}/staging`,
        "  src: true",
        ...regions.map((region) => `- name: ${registry.address}/${region}`),
        "",
      ].join("\n"),
    });
    for (const path of [app, manifests]) for (const name of ["robot", "cecile"]) forge.addWriter(path, name);
    const required = ["review", ...(kind === "github" ? ["waybill-hold"] : [])];
    forge.protect(manifests, { requiredStatuses: required, blockingLabels: ["do-not-merge/hold"] });

    const jobs = join(folder.path, "jobs");
    await mkdir(jobs);
    await writeFile(
      join(jobs, "release.yaml"),
      `jobs:
- name: build-app
  repo: ${forge.url}/${app}.git
  triggers: { branch: ^v }
  build: { dir: ., project: k8s-staging-app, pushTo: ${registry.address}/staging }
- name: propose-app
  repo: ${forge.url}/${app}.git
  after: [build-app]
  propose: { from: build, repo: '${forge.url}/${manifests}', manifests: registry, staging: ${registry.address}/staging, project: app }
- name: review
  repo: ${forge.url}/${manifests}.git
  pullRequest: {}
  review: { manifests: registry, requireApproval: true }
- name: promote
  repo: ${forge.url}/${manifests}.git
  triggers: { branch: ^main$ }
  promote: { manifests: registry }
`,
    );
    env = { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: token };
    const { PATH = "", HOME = "" } = env;
    server = await startTestServer(
      folder.path,
      { forges: { [forge.host]: { kind } } },
      { environment: { PATH, HOME, WAYBILL_FORGE_TOKEN: token, TMPDIR: process.env.TMPDIR } },
    );
  });

  afterAll(async () => {
    await server?.stop();
    await Promise.all([registry?.close(), forge?.close()]);
    await folder?.remove();
  });

  const runs = async (job: string): Promise<readonly ApiRun[]> =>
    (await server.ask<{ readonly items: readonly ApiRun[] }>("GET", `/runs?job=${job}`)).items;
  /** The newest run of a job that has ended. */
  const ended = async (job: string, result: string): Promise<ApiRun> =>
    server.until(`a run of ${job} that ended with ${result}`, async () =>
      (await runs(job)).find((run) => run.state === "ended" && run.result === result),
    );
  const said = (text: string): Promise<true> =>
    server.until(text, () => (server.said.some((line) => line.includes(text)) ? (true as const) : undefined));
  const request = () => {
    const [first] = forge.pullRequests(manifests);
    if (first === undefined) throw new Error("there is no pull request");
    return first;
  };
  const statusOf = (context: string) =>
    forge
      .pullRequests(manifests)[0]
      ?.base.repository.statuses.findLast((status) => status.context === context);

  testWith("buildah", "git")(
    "goes from the push of a tag to three registries",
    async () => {
      for (const path of [app, manifests]) await said(`${forge.url}/${path}.git is looked at from now on`);
      await repositoryAt(folder.path).git("clone", "--quiet", `${forge.url}/${app}.git`, "app");
      const checkout = repositoryAt(join(folder.path, "app"));
      await checkout.git("tag", "v1.0.0");
      const pushUrl = `${forge.url.replace("http://", `http://robot:${env.WAYBILL_FORGE_TOKEN}@`)}/${app}.git`;
      await checkout.git("push", "--quiet", pushUrl, "v1.0.0");
      await server.tell(`${forge.url}/${app}.git`);

      expect(await ended("build-app", "SUCCESS")).toMatchObject({ summary: "built 1 image" });
      await ended("propose-app", "SUCCESS");
      await server.tell(`${forge.url}/${manifests}.git`, request().number);
      await server.until("a review under the pull request", () =>
        request().comments.find(({ body }) => body.includes("waybill")) === undefined ? undefined : true,
      );
      await server.until("a status of the review", () => statusOf("review"));
      await expect(forge.merge(manifests, request().number)).rejects.toThrow();

      forge.comment(manifests, request().number, "cecile", "/approve");
      forge.comment(manifests, request().number, "cecile", "All is well.\n\n/hold cancel");
      await server.tell(`${forge.url}/${manifests}.git`, request().number);
      const merged = await server.until("what lets it be merged", () =>
        forge.merge(manifests, request().number).catch(() => undefined),
      );
      await repositoryAt(folder.path).git("clone", "--quiet", `${forge.url}/${manifests}.git`, "manifests");
      const tree = join(folder.path, "manifests", "registry");
      const waiting = runWith(env, "wait", tree, "--commit", merged, "--timeout", "300s", "--interval", "1s");
      await server.tell(`${forge.url}/${manifests}.git`);

      const promoted = await ended("promote", "SUCCESS");
      expect(promoted).toMatchObject({ summary: "6 done" });
      expect(await waiting).toMatchObject({ status: 0 });
      const registries = registriesWith();
      try {
        const of = async (place: string) =>
          (
            await registries
              .repository(parseRepository(`${registry.address}/${place}/hello`))
              .resolve(parseTag("v1.0.0"))
          )?.digest;
        const staged = await of("staging");
        expect(staged).toMatch(/^sha256:/);
        for (const region of regions) expect(await of(region)).toBe(staged);
      } finally {
        await registries.close();
      }
      expect(await server.ask("GET", `/runs/${promoted.id}/log`)).toContain("6 done");
      const [build] = await runs("build-app");
      expect(await server.ask("GET", `/runs/${build?.id}/log`)).toContain("hello");
      await server.until("the status of the promotion", () =>
        statusOf("promote")?.state === "success" ? true : undefined,
      );
      expect(statusOf("promote")).toMatchObject({ url: `${server.url}/runs/${promoted.id}` });
      const hits = await server.until("what became of the image", async () => {
        const { items } = await server.ask<{ readonly items: readonly { readonly digest?: string }[] }>(
          "GET",
          `/search?q=${registry.address}/us/hello:v1.0.0`,
        );
        return items.length > 0 ? items : undefined;
      });
      const life = await server.ask<ImageLife>("GET", `/images/life?digest=${hits[0]?.digest}`);
      const proposal = (await runs("propose-app")).at(-1);
      const built = await checkout.git("rev-parse", "v1.0.0");
      expect(life).toMatchObject({
        image: `${registry.address}/staging/hello`,
        stations: [
          { name: "commit", state: "done", commit: built.trim(), repo: `${forge.url}/${app}.git` },
          { name: "build", state: "done", run: { id: build?.id } },
          { name: "staging", state: "done", text: "v1.0.0" },
          {
            name: "pull-request",
            state: "done",
            who: [expect.stringMatching(/^cecile approved [0-9a-f]{12}$/)],
          },
          { name: "promotion", state: "done", run: { id: promoted.id } },
          { name: "mirrors", state: "done", text: "3 of 3" },
        ],
        pulls: [{ number: 1, author: "robot", verdict: "passes", proposedBy: proposal?.id, uncovered: [] }],
        askedBy: [{ place: expect.stringMatching(/registry\/images\/app\/images\.yaml:\d+:\d+$/) }],
      });
      expect(life.mirrors.map(({ repository, run }) => [repository, run])).toEqual(
        regions.toSorted().map((region) => [`${registry.address}/${region}/hello`, promoted.id]),
      );
      expect(forge.sawForeignToken()).toBe(false);
    },
    300_000,
  );
});
