import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import type { GitCredential } from "../../src/git/index.ts";
import { repositoryKey } from "../../src/jobs/index.ts";
import { listRemotes, lookAtRefs, syncRemotes } from "../../src/triggers/index.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, jobsOf, migrations, type TestWorld } from "./trigger-world.ts";

const test = testWith("git");

describe("a private remote by HTTP", () => {
  const { open } = usePglite();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ForgeServer;
  let world: TestWorld;
  let url: string;
  let credential: GitCredential;

  beforeEach(async () => {
    folder = await temporaryFolder("http");
    server = await startForgeServer({ kind: "gitea" });
    const token = server.addUser("robot");
    await server.createRepository("robot/images", { a: "1" }, { isPrivate: true });
    url = `${server.url}/robot/images.git`;
    credential = { origin: server.url, user: "x", token };
    world = createWorld(await open(migrations), join(folder.path, "mirrors"), {
      credentialOf: async () => credential,
    });
    world.setJobs(
      jobsOf(`
jobs:
  - { name: images, repo: '${url}', triggers: { branch: ^main$, paths: ^images/ }, build: { dir: . } }
`),
    );
    await syncRemotes(world.db, world.jobs(), world.now());
    expect(await look()).toBe(true);
  });

  afterEach(async () => {
    await server.close();
    await folder.remove();
  });

  const look = () => {
    world.pass(60 * 60_000);
    return lookAtRefs(world, repositoryKey(url));
  };

  test("is listed and fetched with the credential of its origin", async () => {
    const commit = await server.commit("robot/images", "main", { "images/b": "1" });
    expect(await look()).toBe(true);
    expect((await world.runs()).map(({ commit: of }) => of)).toEqual([commit]);
    expect(server.seen.every(({ by }) => by === "robot" || by === "none")).toBe(true);
  });

  test("that refuses, fails or answers something else is unread, without a secret in what is told", async () => {
    const commit = await server.commit("robot/images", "main", { "images/b": "1" });
    const right = credential;
    credential = { ...right, token: "secret-of-somebody-else" };
    expect(await look()).toBe(false);
    credential = right;
    server.failNext({ kind: "answer", status: 500, body: "down" }, { path: /info\/refs$/ });
    expect(await look()).toBe(false);
    server.failNext({ kind: "answer", status: 503, body: "" }, { path: /git-upload-pack$/ });
    expect(await look()).toBe(false);
    for (const body of ["", "<html>", "<html>\n<p>Log in</p>\n"]) {
      for (let times = 0; times < 2; times += 1) {
        server.failNext({ kind: "answer", status: 200, body }, { path: /info\/refs$/ });
      }
      expect(await look()).toBe(false);
      server.clearFaults();
    }
    expect(await listRemotes(world.db)).toMatchObject([
      { unread: { attempts: 6, failure: { code: "unreachable" } } },
    ]);
    expect(JSON.stringify([world.told, await listRemotes(world.db)])).not.toMatch(/secret-/);
    expect(await world.runs()).toEqual([]);
    expect(await look()).toBe(true);
    expect((await world.runs()).map(({ commit: of }) => of)).toEqual([commit]);
  });
});
