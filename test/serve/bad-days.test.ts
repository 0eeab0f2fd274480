import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { repositoryAt } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { startTestServer, type TestServer } from "./server-under-test.ts";

const test = testWith("git");
const app = "team/app";
const other = "team/other";
const zero = "0".repeat(40);

interface ApiRun {
  readonly id: string;
  readonly commit?: string;
  readonly ref?: string;
  readonly causes: readonly { readonly text: string }[];
}

interface ApiRemote {
  readonly url: string;
  readonly what: string;
  readonly lookedAt?: string;
  readonly unread?: { readonly since: string; readonly code: string; readonly message: string };
  readonly movedTags: readonly { readonly ref: string; readonly from: string; readonly to: string }[];
}

/** What repositories do that nobody has announced, to a server that runs meanwhile. Of all runs, none begins: they are counted. */
describe("a server that runs", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let forge: ForgeServer;
  let server: TestServer;
  const jobs = (): string => join(folder.path, "jobs");

  beforeAll(async () => {
    folder = await temporaryFolder("bad-days");
    forge = await startForgeServer({ kind: "gitea" });
    const token = forge.addUser("robot");
    for (const path of [app, other]) await forge.createRepository(path);
    await mkdir(jobs());
    await writeFile(
      join(jobs(), "jobs.yaml"),
      `jobs:
- { name: tags, repo: '${forge.url}/${app}.git', capacity: none, triggers: { branch: ^v }, build: { dir: . } }
- name: branches
  repo: ${forge.url}/${app}.git
  capacity: none
  triggers: { branch: ^(main|feature)$, paths: ^src/ }
  build: { dir: . }
- { name: promote, repo: '${forge.url}/${other}.git', capacity: none, triggers: { branch: ^main$ }, promote: { manifests: . } }
`,
    );
    const { PATH = "", TMPDIR } = process.env;
    server = await startTestServer(
      folder.path,
      { forges: { [forge.host]: { kind: "gitea" } }, serve: { capacities: { none: 0 } } },
      { environment: { PATH, TMPDIR, HOME: folder.path, WAYBILL_FORGE_TOKEN: token } },
    );
    for (const path of [app, other]) {
      await server.until(`the first look at ${path}`, async () => (await remote(path))?.lookedAt);
    }
  }, 300_000);

  afterAll(async () => {
    await server?.stop();
    await forge?.close();
    await folder?.remove();
  });

  const git = (path: string, ...words: string[]): Promise<string> =>
    repositoryAt(forge.world.repositories.find((each) => each.path === path)?.folder ?? "").git(...words);

  const remote = async (path: string): Promise<ApiRemote | undefined> =>
    (await server.ask<{ readonly items: readonly ApiRemote[] }>("GET", "/remotes")).items.find(
      ({ url, what }) => url === `${forge.url}/${path}.git` && what === "refs",
    );

  /** Has it look twice to the end: the first look may have begun before what has changed. */
  const look = async (path: string, isFine = true): Promise<void> => {
    for (let times = 0; times < 2; times += 1) {
      const before = new Date().toISOString();
      await server.tell(`${forge.url}/${path}.git`);
      await server.until(`a look at ${path}`, async () => {
        const { lookedAt = "", unread } = (await remote(path)) ?? {};
        return isFine ? lookedAt > before || undefined : unread;
      });
    }
  };

  const runs = async (job: string): Promise<readonly ApiRun[]> =>
    (await server.ask<{ readonly items: readonly ApiRun[] }>("GET", `/runs?job=${job}&limit=500`)).items;

  /** What has come to be of a job's runs since it was last asked, the oldest first. */
  const seen = new Set<string>();
  const news = async (job: string): Promise<readonly ApiRun[]> => {
    const found = (await runs(job)).filter(({ id }) => !seen.has(id));
    for (const { id } of found) seen.add(id);
    return [...found].reverse();
  };

  const orphan = async (path: string, name: string, text: string): Promise<string> => {
    await forge.commit(path, "scratch", { [name]: text });
    const tree = await git(path, "rev-parse", "scratch^{tree}");
    return git(path, "commit-tree", "-m", "unrelated", tree);
  };

  test("takes a branch that is pushed with force, deleted and made anew for what it is", async () => {
    const first = await forge.commit(app, "main", { "src/a": "1" });
    await look(app);
    expect(await news("branches")).toMatchObject([{ commit: first }]);

    const unrelated = await orphan(app, "src/a", "2");
    await git(app, "update-ref", "refs/heads/main", unrelated);
    await look(app);
    const short = (hash: string): string => hash.slice(0, 12);
    expect(await news("branches")).toMatchObject([
      { commit: unrelated, causes: [{ text: `force push to main: ${short(first)}..${short(unrelated)}` }] },
    ]);

    const feature = await forge.commit(app, "feature", { "src/b": "1" });
    await look(app);
    expect(await news("branches")).toMatchObject([{ commit: feature }]);
    await git(app, "update-ref", "-d", "refs/heads/feature");
    await look(app);
    await git(app, "update-ref", "refs/heads/feature", feature);
    await look(app);
    expect(await news("branches")).toEqual([]);
    const later = await forge.commit(app, "feature", { "src/b": "2" });
    await look(app);
    expect(await news("branches")).toMatchObject([{ commit: later }]);
  }, 300_000);

  test("tells of a tag that moves, and builds nothing twice", async () => {
    const one = await forge.commit(app, "main", { "other/a": "1" });
    await git(app, "update-ref", "refs/tags/v1", one);
    await look(app);
    expect(await news("tags")).toMatchObject([{ commit: one, ref: "refs/tags/v1" }]);
    const two = await forge.commit(app, "main", { "other/a": "2" });
    await git(app, "update-ref", "refs/tags/v1", two);
    await look(app);
    // What was asked for before it moved is still of its own commit.
    expect(await news("tags")).toMatchObject([{ commit: two }]);
    expect((await runs("tags")).map(({ commit }) => commit).sort()).toEqual([one, two].sort());
    expect(server.said.filter((line) => line.includes("a tag has moved: refs/tags/v1"))).toHaveLength(1);
    expect((await remote(app))?.movedTags).toMatchObject([{ ref: "refs/tags/v1", from: one, to: two }]);
    await git(app, "update-ref", "-d", "refs/tags/v1");
    await look(app);
    await git(app, "update-ref", "refs/tags/v1", two);
    await look(app);
    expect(await news("tags")).toEqual([]);
    expect(await news("branches")).toEqual([]);
  }, 300_000);

  test("asks for each of a thousand tags once", async () => {
    const commit = await git(app, "rev-parse", "main");
    const names = Array.from({ length: 1_000 }, (_, at) => `v2.${at}`);
    const lines = names.map((name) => `${commit} refs/tags/${name}\n`).join("");
    const { path } = repositoryAt(forge.world.repositories.find((each) => each.path === app)?.folder ?? "");
    await writeFile(join(path, "packed-refs"), lines);
    await look(app);
    const counts = async (): Promise<unknown> =>
      (
        await server.ask<{ readonly counts: readonly { readonly job: string; readonly runs: number }[] }>(
          "GET",
          "/queue",
        )
      ).counts.find(({ job }) => job === "tags");
    expect(await counts()).toMatchObject({ runs: 1_002 });
    await look(app);
    expect(await counts()).toMatchObject({ runs: 1_002 });
  }, 300_000);

  test("promotes nothing of a branch that took the place of its own, or of none", async () => {
    const main = await git(other, "rev-parse", "main");
    await git(other, "update-ref", "refs/heads/trunk", main);
    await git(other, "symbolic-ref", "HEAD", "refs/heads/trunk");
    await git(other, "update-ref", "-d", "refs/heads/main");
    await look(other);
    await git(other, "update-ref", "-d", "refs/heads/trunk");
    await look(other);
    expect(await git(other, "for-each-ref")).toBe("");
    expect(await news("promote")).toEqual([]);
    // Another history altogether, in the place of the first.
    await git(other, "symbolic-ref", "HEAD", "refs/heads/main");
    await git(other, "update-ref", "refs/heads/main", main, zero);
    await look(other);
    expect(await news("promote")).toEqual([]);
    await git(other, "update-ref", "refs/heads/main", await orphan(other, "a", "1"));
    await look(other);
    await look(other);
    expect(await news("promote")).toMatchObject([{ ref: "refs/heads/main" }]);
  }, 300_000);

  test("says of a remote whose token has ended since when, and finds later what came meanwhile", async () => {
    forge.failNext(
      { kind: "answer", status: 401, body: {} },
      { path: /team\/app\.git\/info\/refs/, times: 10_000 },
    );
    const missed = await forge.commit(app, "main", { "src/c": "1" });
    await look(app, false);
    expect(await remote(app)).toMatchObject({ unread: { code: "unreachable", since: expect.any(String) } });
    await forge.commit(other, "main", { a: "2" });
    await look(other);
    expect((await runs("promote"))[0]?.causes.length).toBeGreaterThan(1);
    expect(await news("branches")).toEqual([]);
    forge.clearFaults();
    await look(app);
    expect(await news("branches")).toMatchObject([{ commit: missed }]);
    expect((await remote(app))?.unread).toBeUndefined();
    expect(server.said.some((line) => line.includes(`${app}.git can be read again`))).toBe(true);
  }, 300_000);

  test("goes on with the jobs that it has when others wait for each other", async () => {
    const circle = (name: string, after: string): string =>
      `- { name: ${name}, repo: '${forge.url}/${app}.git', after: [${after}], build: { dir: . } }\n`;
    await writeFile(join(jobs(), "circle.yaml"), `jobs:\n${circle("one", "two")}${circle("two", "one")}`);
    await server.until("what is wrong with them", () =>
      server.said.find((line) => line.includes("circle.yaml has errors")),
    );
    const commit = await forge.commit(app, "main", { "src/d": "1" });
    await look(app);
    expect(await news("branches")).toMatchObject([{ commit }]);
    expect([...(await runs("one")), ...(await runs("two"))]).toEqual([]);
  }, 300_000);
});
