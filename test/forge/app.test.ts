import { generateKeyPairSync } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { installationTokens } from "../../src/forge/github/app.ts";
import { type ConnectedForge, connectForge, type TokenPurpose } from "../../src/forge/index.ts";
import { listRemote } from "../../src/git/index.ts";
import type { ForgeApp } from "../support/forge-server/model.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const path = "org/images";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const permissions = {
  ...({ metadata: "read", contents: "write", pull_requests: "write", issues: "write" } as const),
  ...({ statuses: "write", members: "read", administration: "write" } as const),
};

describe("an app of a GitHub", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ForgeServer;
  let app: ForgeApp;
  let commit: string;
  let privateKeyFile: string;

  beforeEach(async () => {
    folder = await temporaryFolder("app");
    server = await startForgeServer({ kind: "github" });
    server.addUser("alice");
    await server.createRepository(path, undefined, { isPrivate: true });
    await server.createRepository("org/other", undefined, { isPrivate: true });
    for (const name of ["alice", "waybill[bot]"]) {
      for (const one of [path, "org/other"]) server.addWriter(one, name);
    }
    app = server.addApp({
      ...{ id: "Iv23app", slug: "waybill", publicKey, permissions, repositories: [path, "org/other"] },
    });
    commit = (await server.branch(path, "main")) ?? "";
    privateKeyFile = join(folder.path, "app.pem");
    // As GitHub gives it.
    await writeFile(privateKeyFile, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
  });
  afterEach(async () => {
    await server.close();
    await folder.remove();
  });

  const connect = (purpose?: TokenPurpose, more = {}, at = path): Promise<ConnectedForge> =>
    connectForge(
      { host: server.host, path: at },
      {
        settings: { [server.host]: { kind: "github", app: { id: app.id, privateKeyFile, ...more } } },
        environment: { WAYBILL_FORGE_TOKEN: "of-somebody-else" },
        timing: { firstBackoff: 1 },
        purpose,
      },
    );
  const status = { context: "c", state: "success", description: "d" } as const;
  const asked = (part: string) => server.seen.filter(({ url }) => url.includes(part)).length;

  test("is who says and does what its installation may, and nobody else", async () => {
    const { forge, token } = await connect();
    expect(token).toEqual({ source: "the app Iv23app", warnings: [] });
    expect(await forge.user()).toBe("waybill[bot]");
    await forge.project(path).statuses.set(commit, status);
    expect(await forge.project(path).statuses.read(commit)).toMatchObject([{ context: "c" }]);
    expect(app.issued.map(({ body }) => body)).toEqual([
      {
        repositories: ["images"],
        permissions: {
          ...{ metadata: "read", contents: "write", pull_requests: "write", issues: "write" },
          ...{ statuses: "write", members: "read" },
        },
      },
    ]);
    // What is for one repository is good for no other.
    await expect(forge.repository("org/other")).rejects.toMatchObject({ code: "not-found" });
    expect(server.sawForeignToken()).toBe(false);
    expect(server.seen.every(({ by }) => by === "waybill" || by === "waybill[bot]")).toBe(true);
    // Whoever else needs one gets the same.
    await (await connect()).forge.user();
    expect(app.issued).toHaveLength(1);
  });

  test("reads by a token that cannot write", async () => {
    const { forge } = await connect("reading");
    expect((await forge.repository(path)).path).toBe(path);
    expect(app.issued[0]?.body).toMatchObject({
      permissions: { contents: "read", pull_requests: "read", statuses: "read", members: "read" },
    });
    await expect(forge.project(path).statuses.set(commit, status)).rejects.toMatchObject({
      code: "forbidden",
    });
  });

  testWith("git")("gets another token when one ends in mid-run, and does what was refused once", async () => {
    const { forge, credential } = await connect();
    const { pathname, statuses } = {
      pathname: `${server.url}/${path}.git`,
      statuses: forge.project(path).statuses,
    };
    await forge.user();
    server.endAppTokens();
    // Several at the same time share one.
    const all = [
      statuses.set(commit, status),
      forge.repository(path),
      forge.project(path).pullRequests.listOpen(),
    ];
    await Promise.all(all);
    expect(app.issued).toHaveLength(2);
    expect(server.world.repository(path, server.world.user("alice"))?.statuses).toHaveLength(1);
    expect(await listRemote(pathname, { credential, environment: gitEnvironment })).toMatchObject([
      { commit },
    ]);
  });

  test("gives up when every token is refused", async () => {
    const { forge } = await connect();
    server.failNext(
      { kind: "answer", status: 401, body: { message: "Bad credentials" } },
      { times: 99, path: /repos\/org\/images$/ },
    );
    const failure = await forge.repository(path).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "token-refused" });
    expect(asked("access_tokens")).toBeLessThanOrEqual(2);
    for (const { token } of app.issued) expect(inspect(failure, { depth: 9 })).not.toContain(token);
    expect(inspect(failure, { depth: 9 })).not.toContain("eyJ");
  });

  test("replaces a token before its end", async () => {
    let time = Date.now();
    const identity = { app: { id: app.id, privateKeyFile }, host: server.host, now: () => time };
    const tokens = installationTokens(identity, path, "writing");
    const first = await tokens.current();
    expect(await tokens.current()).toBe(first);
    time += 49 * 60_000;
    expect(await tokens.current()).toBe(first);
    time += 2 * 60_000;
    // The forge of this test has a clock of its own, which takes no signature of the future.
    await expect(tokens.current()).rejects.toMatchObject({ code: "token-refused" });
    expect(asked("access_tokens")).toBe(1);
  });

  test("is told where it is not installed, and what is wrong with its key", async () => {
    await server.createRepository("org/more", undefined, { isPrivate: true });
    await expect((await connect("writing", {}, "org/more")).forge.user()).rejects.toMatchObject({
      code: "token-missing",
      message: "the app Iv23app is not installed for org/more",
    });
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const wrong = join(folder.path, "wrong.pem");
    await writeFile(wrong, other.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    await expect((await connect("writing", { privateKeyFile: wrong })).forge.user()).rejects.toMatchObject({
      code: "token-refused",
    });
    await chmod(wrong, 0o644);
    await expect((await connect("writing", { privateKeyFile: wrong })).forge.user()).rejects.toMatchObject({
      code: "token-missing",
      message: expect.stringContaining("can be read by everybody"),
    });
    await writeFile(wrong, "-----BEGIN PRIVATE KEY-----\nTOPSECRET\n", { mode: 0o600 });
    await chmod(wrong, 0o600);
    const failure = await (await connect("writing", { privateKeyFile: wrong })).forge
      .user()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "token-missing" });
    expect(inspect(failure, { depth: 9 })).not.toContain("TOPSECRET");
  });
});

describe.each(["github", "gitlab", "gitea"] as const)("tokens of a %s", (kind) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ForgeServer;

  beforeEach(async () => {
    folder = await temporaryFolder("tokens");
    server = await startForgeServer({ kind });
    await server.createRepository(path);
  });
  afterEach(async () => {
    await server.close();
    await folder.remove();
  });

  test("are read once more when one is refused, and what was refused is done once", async () => {
    const old = server.addUser("robot");
    const fresh = server.addUser("other");
    for (const name of ["robot", "other"]) server.addWriter(path, name);
    const tokenFile = join(folder.path, "token");
    await writeFile(tokenFile, old, { mode: 0o600 });
    const { forge } = await connectForge({ host: server.host, path }, { kind, settings: {}, tokenFile });
    expect(await forge.user()).toBe("robot");
    const robot = server.world.user("robot");
    if (robot !== undefined) server.world.removeUser(robot);
    await writeFile(tokenFile, fresh, { mode: 0o600 });
    const commit = (await server.branch(path, "main")) ?? "";
    await forge.project(path).statuses.set(commit, { context: "c", state: "success", description: "" });
    expect(server.world.repository(path, undefined)?.statuses).toMatchObject([{ user: { name: "other" } }]);
    await writeFile(tokenFile, "nobodys", { mode: 0o600 });
    server.world.removeUser(server.world.users[0] ?? { id: 0, name: "", token: "", rights: "all" });
    await expect(forge.repository(path)).rejects.toMatchObject({ code: "token-refused" });
  });

  test("of those who only read are those that the settings name, and no others", async () => {
    const [writing, reading] = [server.addUser("robot"), server.addUser("reader", "read")];
    server.addWriter(path, "robot");
    const connect = async (purpose: TokenPurpose, environment: NodeJS.ProcessEnv) =>
      (
        await connectForge(
          { host: server.host, path },
          {
            settings: { [server.host]: { kind, readingToken: { variable: "READING" } } },
            environment: { WAYBILL_FORGE_TOKEN: writing, ...environment },
            ...{ purpose, readOnly: true },
          },
        )
      ).forge;
    expect(await (await connect("writing", { READING: reading })).user()).toBe("robot");
    expect(await (await connect("reading", { READING: reading })).user()).toBe("reader");
    await expect(connect("reading", {})).rejects.toMatchObject({ code: "token-missing" });
  });
});
