import { expect, test } from "vitest";
import { revokeToken } from "../../src/access/index.ts";
import type { App } from "../../src/server/index.ts";
import { usePglite } from "../support/databases.ts";
import { serverMigrations, serverWorld } from "./server-world.ts";

const databases = usePglite();

test("who looks at a page is found out once for all that it reads, and anew for what it does", async () => {
  const db = await databases.open(serverMigrations);
  let api: App | undefined;
  const serve = (app: App): App => {
    api = app;
    return app;
  };
  const { origin, token } = await serverWorld(db, { serve });
  const headers = { authorization: `Bearer ${await token("admin")}` };
  const ask = async (visit: object, method = "GET", path = "/api/v1/runs") =>
    (await api?.fetch(new Request(`${origin}${path}`, { method, headers }), { visit }))?.status;
  const [visit, later] = [{}, {}];
  expect(await ask(visit)).toBe(200);
  const [row] = await db.query<{ id: string }>("SELECT id FROM access_token");
  await revokeToken(db, row?.id ?? "", undefined, new Date());
  expect(await ask(visit)).toBe(200);
  expect(await ask(visit, "POST", "/api/v1/jobs/nightly/runs")).toBe(401);
  expect(await ask(later)).toBe(401);
});
