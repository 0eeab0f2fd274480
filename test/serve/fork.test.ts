import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { openForge } from "../../src/forge/index.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { repositoryAt } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { answer, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { startTestServer, type TestServer } from "./server-under-test.ts";

const path = "team/manifests";
const images = "registry/images/app/images.yaml";
const manifest = "registry/manifests/app/promoter-manifest.yaml";
const digest = `sha256:${"a".repeat(64)}`;

interface ApiRun {
  readonly job: string;
  readonly state: string;
  readonly result?: string;
}

/** Whoever may fork proposes whatever they like, to a server that has tokens and credentials. */
describe.each(["github", "gitlab", "gitea"] as const)("a hostile pull request from a fork, on %s", (kind) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let forge: ForgeServer;
  let production: ScriptedServer;
  let evil: ScriptedServer;
  let server: TestServer;
  let url: string;
  let eve: string;

  beforeAll(async () => {
    folder = await temporaryFolder("fork");
    [forge, production, evil] = await Promise.all([
      startForgeServer({ kind }),
      startScriptedServer((_, response) => answer(response, 404)),
      startScriptedServer((_, response) => answer(response, 200, {}, "{}")),
    ]);
    const [robot, reader] = [forge.addUser("robot"), forge.addUser("reader", "read")];
    eve = forge.addUser("eve");
    forge.addUser("cecile");
    url = `${forge.url}/${path}.git`;
    await forge.createRepository(path, {
      [images]: "# What the app is made of.\n",
      [manifest]: manifestOf(`${production.host}/prod`),
      OWNERS: "approvers: [cecile]\n",
      "jobs/jobs.yaml": jobsOf(url, "^main$"),
    });
    for (const name of ["robot", "cecile"]) forge.addWriter(path, name);
    server = await startTestServer(
      folder.path,
      {
        forges: { [forge.host]: { kind, readingToken: { variable: "READING" } } },
        credentials: [
          {
            repository: production.host,
            username: "writer",
            passwordEnv: "PASSWORD",
            where: "waybill.yaml:1",
          },
        ],
        serve: { jobs: { repo: url, branch: "main", path: "jobs" } },
      },
      {
        jobs: undefined,
        environment: {
          ...{ PATH: process.env.PATH, HOME: folder.path, TMPDIR: process.env.TMPDIR },
          ...{ WAYBILL_FORGE_TOKEN: robot, READING: reader, PASSWORD: "of-production" },
        },
      },
    );
  });

  afterAll(async () => {
    await server?.stop();
    await Promise.all([forge?.close(), production?.close(), evil?.close()]);
    await folder?.remove();
  });

  const manifestOf = (...destinations: readonly string[]): string =>
    [
      "registries:",
      `- {name: ${production.host}/staging, src: true}`,
      ...destinations.map((name) => `- name: ${name}`),
      "",
    ].join("\n");
  const jobsOf = (repo: string, branch: string): string => `jobs:
- name: review
  repo: ${repo}
  pullRequest: {}
  review: { manifests: registry, requireApproval: true }
- name: promote
  repo: ${repo}
  triggers: { branch: '${branch}' }
  promote: { manifests: registry }
`;
  const runs = async (): Promise<readonly ApiRun[]> =>
    (await server.ask<{ readonly items: readonly ApiRun[] }>("GET", "/runs")).items;
  const pull = () => forge.pullRequest(path, 1);
  const comments = () => pull().comments.filter(({ user }) => user.name === "robot");

  /** All that somebody could think of, pushed to a fork. */
  const propose = async (): Promise<void> => {
    await forge.fork(path, "eve");
    const fork = `${forge.url}/eve/manifests.git`;
    await repositoryAt(folder.path).git("clone", "--quiet", fork, "hostile");
    const checkout = repositoryAt(join(folder.path, "hostile"));
    const write = async (file: string, text: string): Promise<void> => {
      await mkdir(dirname(join(checkout.path, file)), { recursive: true });
      await writeFile(join(checkout.path, file), text);
    };
    await write(images, `- name: hello\n  dmap:\n    "${digest}": [v1]\n`);
    await write(manifest, manifestOf(`${production.host}/prod`, `${evil.host}/prod`));
    await write("OWNERS", "approvers: [eve]\n");
    await write(
      "jobs/jobs.yaml",
      `${jobsOf(url, ".*")}- name: evil\n  repo: ${url}\n  pullRequest: {}\n  build: { dir: . }\n`,
    );
    await write("waybill.yaml", `locations:\n- { repository: ${production.host}, at: ${evil.host} }\n`);
    await write("cloudbuild.yaml", "steps: [{name: x, entrypoint: sh, args: [-c, 'touch /tmp/evil']}]\n");
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [name, before] of ["ba", "cb", "dc", "ed", "fe", "gf", "hg", "ih"].map((pair) =>
      pair.split(""),
    )) {
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(", ")}]`);
    }
    await write("registry/images/bomb/images.yaml", `${bomb.join("\n")}\n`);
    await write("registry/manifests/bomb/promoter-manifest.yaml", `${bomb.join("\n")}\n`);
    await mkdir(join(checkout.path, "registry/manifests/link"), { recursive: true });
    await symlink("/etc/passwd", join(checkout.path, "registry/manifests/link/promoter-manifest.yaml"));
    await symlink("../../..", join(checkout.path, "registry/images/loop"));
    await checkout.git("switch", "--quiet", "--create", "change");
    await checkout.commit("a harmless change");
    await checkout.git("push", "--quiet", fork.replace("http://", `http://eve:${eve}@`), "change");
    await rm(checkout.path, { recursive: true });
    const theirs = openForge({ kind, host: forge.host, token: eve }).project(path).pullRequests;
    await theirs.open({
      ...{ title: "a harmless change", body: "", base: "main" },
      head: { repository: "eve/manifests", branch: "change" },
    });
  };

  const reviews = async () =>
    (await server.ask<{ readonly items: readonly object[] }>("GET", "/reviews")).items;

  testWith("git")(
    "runs nothing of what it proposes, by nobody's word but those of the base",
    async () => {
      await server.until("the repository is looked at", () =>
        server.said.filter((line) => line.includes(`${url} is looked at from now on`)).length === 2
          ? true
          : undefined,
      );
      await propose();
      forge.comment(path, 1, "eve", "/ok-to-test\n/approve\n/lgtm\n/test all\n/test promote\n/test evil");
      await server.tell(url, 1);
      await server.until("an answer", () =>
        comments().find(({ body }) => body.includes("waybill: commands")),
      );
      expect(comments()[0]?.body.match(/\*\*refused\*\*/g)).toHaveLength(6);
      expect(pull().labels).toEqual([]);
      expect(await runs()).toEqual([]);
      expect(await reviews()).toMatchObject([
        { number: 1, author: "eve", state: "open", waitsFor: ["trust"] },
      ]);

      forge.comment(path, 1, "cecile", "/ok-to-test");
      await server.tell(url, 1);
      await server.until("the end of a review", async () =>
        (await runs()).some(({ state }) => state === "ended") ? true : undefined,
      );
      await server.until("the status of the review", () =>
        pull().base.repository.statuses.find(
          ({ context, state }) => context === "review" && state !== "pending",
        ),
      );
      expect(await runs()).toMatchObject([{ job: "review", result: "FAILURE" }]);
      expect(pull().base.repository.statuses.some(({ state }) => state === "success")).toBe(false);
      expect(await reviews()).toMatchObject([
        { title: "a harmless change", review: { job: "review", verdict: "fails", isCurrent: true } },
      ]);
      await server.until("the words of the review", () => (comments().length === 2 ? true : undefined));
      forge.comment(path, 1, "eve", "/approve");
      await server.tell(url, 1);
      await server.until("an answer to her second try", () =>
        comments()[0]?.body.match(/\*\*refused\*\*/g)?.length === 7 ? true : undefined,
      );

      const { items } = await server.ask<{
        readonly items: readonly { readonly job: { readonly name: string } }[];
      }>("GET", "/jobs");
      expect(items.map(({ job }) => job.name)).toEqual(["promote", "review"]);
      expect((await runs()).every(({ job }) => job === "review")).toBe(true);
      expect(comments()).toHaveLength(2);
      // Nothing of this machine is shown, nobody whom she names is asked, and nobody is shown a credential.
      for (const text of [...comments().map(({ body }) => body), ...server.said]) {
        expect(text).not.toContain("root:x");
        expect(text).not.toContain("of-production");
      }
      expect(evil.seen).toEqual([]);
      expect(production.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
      expect(production.seen.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
      expect(forge.sawForeignToken()).toBe(false);
      const atFork = forge.seen.filter(({ url: asked }) => asked.startsWith("/eve/manifests.git/"));
      expect(atFork.map(({ by }) => by)).not.toContain("robot");
    },
    300_000,
  );
});
