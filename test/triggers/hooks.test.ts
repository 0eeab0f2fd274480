import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectForge, type ForgeProject, openForge } from "../../src/forge/index.ts";
import { listRemotes, lookAtHooks } from "../../src/triggers/index.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, migrations, type TestWorld } from "./trigger-world.ts";

const path = "org/images";
const prefix = "https://waybill.example.com/webhooks/";
const hour = 60 * 60_000;

describe.each(["github", "gitlab", "gitea"] as const)("webhooks of a %s", (kind) => {
  const { open } = usePglite();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ForgeServer;
  let world: TestWorld;
  let project: ForgeProject;

  beforeEach(async () => {
    folder = await temporaryFolder("hooks");
    server = await startForgeServer({ kind });
    const token = server.addUser("robot");
    await server.createRepository(path);
    server.addWriter(path, "robot");
    project = openForge({ kind, host: server.host, token, timing: { firstBackoff: 1 } }).project(path);
    const db = await open(migrations);
    world = createWorld(db, join(folder.path, "mirrors"), { projectOf: async () => project });
    await db.query(
      "INSERT INTO remote (repository, what, url, due_at) VALUES ('r', 'refs', $1, $2), ('r', 'pulls', $1, $2)",
      [`${server.url}/${path}.git`, new Date(world.now().getTime() + 24 * hour)],
    );
  });
  afterEach(async () => {
    await server.close();
    await folder.remove();
  });

  const look = () => lookAtHooks(world, prefix);
  const told = () => world.told.splice(0).map(({ type }) => type);
  const due = async () => (await listRemotes(world.db)).filter(({ dueAt }) => dueAt <= world.now()).length;

  test("are looked at once an hour, whoever looks", async () => {
    server.addHook(path, `${prefix}main`);
    await Promise.all([look(), look()]);
    await look();
    const asked = server.seen.filter(({ url }) => /\/hooks(?:\?|$)/.test(url)).length;
    expect(asked).toBe(1);
    expect(told()).toEqual([]);
    expect(await due()).toBe(0);
    world.pass(2 * hour);
    await look();
    expect(server.seen.filter(({ url }) => /\/hooks(?:\?|$)/.test(url))).toHaveLength(2);
  });

  test("that are switched off are a problem of their repository, with the way out, until they are on again", async () => {
    server.addHook(path, "https://elsewhere.example.com/hook").active = false;
    const hook = server.addHook(path, `${prefix}main`);
    if (kind === "gitlab") {
      hook.alertStatus = "temporarily_disabled";
      hook.disabledUntil = "2026-11-30T13:00:00Z";
    } else hook.active = false;
    await look();
    expect(told()).toEqual(["hook-off"]);
    const [remote] = await listRemotes(world.db);
    expect(remote?.hook).toMatchObject({
      since: world.now(),
      hint: expect.stringContaining("switch it on again"),
    });
    if (kind === "gitlab") expect(remote?.hook?.message).toContain("until 2026-11-30T13:00:00Z");
    world.pass(2 * hour);
    await look();
    expect(told()).toEqual([]);
    hook.active = true;
    hook.alertStatus = "executable";
    world.pass(2 * hour);
    await look();
    expect(told()).toEqual(["hook-on"]);
    expect((await listRemotes(world.db))[0]?.hook).toBeUndefined();
  });

  test("that the token may not see, or of a forge that is down, are nobody's problem", async () => {
    server.failNext({ kind: "answer", status: 403, body: { message: "no" } }, { path: /hooks/ });
    await look();
    world.pass(2 * hour);
    server.failNext({ kind: "answer", status: 500 }, { times: 9, path: /hooks/ });
    await look();
    expect(told()).toEqual([]);
    server.clearFaults();
    // What could not be asked is asked sooner.
    server.addHook(path, `${prefix}main`).active = false;
    world.pass(11 * 60_000);
    await look();
    expect(told()).toEqual(kind === "gitlab" ? [] : ["hook-off"]);
  });

  if (kind === "github")
    test("whose deliveries have failed make their repository due at once, for each failure once", async () => {
      const hook = server.addHook(path, `${prefix}main`);
      await look();
      expect(await due()).toBe(0);
      world.pass(2 * hour);
      hook.failed.unshift(17, 12);
      await look();
      expect(told()).toEqual(["deliveries-failed"]);
      const failedAt = world.now();
      expect((await listRemotes(world.db))[0]?.hookDeliveries).toEqual({ at: failedAt, failed: 2, failedAt });
      expect(await due()).toBe(2);
      await world.db.query("UPDATE remote SET due_at = $1", [new Date(world.now().getTime() + 24 * hour)]);
      world.pass(2 * hour);
      await look();
      expect(told()).toEqual([]);
      expect(await due()).toBe(0);
      hook.failed.unshift(99);
      world.pass(2 * hour);
      await look();
      expect(told()).toEqual(["deliveries-failed"]);
    });

  if (kind === "github")
    test("of an app tell of the repository that a delivery was about", async () => {
      const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const privateKeyFile = join(folder.path, "app.pem");
      await writeFile(privateKeyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
      const id = server.world.repository(path, server.world.user("robot"))?.id ?? 0;
      const deliveries = [{ id: 5, repository_id: id + 1 }];
      server.addApp({
        ...{ id: "1", slug: "waybill", publicKey, repositories: [path], deliveries },
        permissions: { metadata: "read", contents: "read" },
      });
      const { forge } = await connectForge(
        { host: server.host, path },
        { settings: { [server.host]: { kind, app: { id: "1", privateKeyFile } } } },
      );
      project = forge.project(path);
      await look();
      expect(told()).toEqual([]);
      deliveries.unshift({ id: 6, repository_id: id });
      world.pass(2 * hour);
      await look();
      expect(told()).toEqual(["deliveries-failed"]);
    });
});
