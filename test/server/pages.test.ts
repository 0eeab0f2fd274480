import { expect, test } from "vitest";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { usePglite } from "../support/databases.ts";
import { serverMigrations, serverWorld } from "./server-world.ts";

const databases = usePglite();

test("the address of a run, which statuses lead to, says how it stands", async () => {
  const { db, queue, at, token, origin } = await serverWorld(await databases.open(serverMigrations));
  const ended = await ask(db, { job: "promote", key: "a", commit: "c".repeat(40) });
  const worker = startWorker(db, {
    queue,
    carryOut: async () => ({
      result: "FAILURE",
      details: { summary: "<b>prod</b> has\u202e another digest" },
    }),
  });
  await untilState(queue, ended.id, "ended");
  await worker.stop();
  const held = await ask(db, { job: "promote", key: "b", held: "release day" });
  const headers = { authorization: `Bearer ${await token("reader")}` };

  const page = await at(`/runs/${ended.id}`, { headers });
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=UTF-8"]);
  const text = await page.text();
  expect(text).toContain("<dd>FAILURE</dd>");
  expect(text).toContain("&lt;b&gt;prod&lt;/b&gt; has\\u{202e} another digest");
  expect(text).toContain("c".repeat(40));
  expect(text).toContain(`href="/api/v1/runs/${ended.id}/log"`);

  const waits = await (await at(`/runs/${held.id}`, { headers })).text();
  expect(waits).toContain("somebody has to release it: release day");
  expect(waits).toContain(`waybill runs release ${held.id} --server ${origin}`);

  const first = await (await at("/", { headers })).text();
  expect(first.indexOf(held.id)).toBeLessThan(first.indexOf(ended.id));
  expect(await (await at(`/?after=${held.id}`, { headers })).text()).not.toContain(held.id);
  expect(await (await at("/?after=x", { headers })).text()).toContain(held.id);
  expect((await at("/runs/1", { headers })).status).toBe(404);
});

test("a page shows nothing to whoever may not read, but how to be known", async () => {
  const { db, at, token } = await serverWorld(await databases.open(serverMigrations));
  const { id } = await ask(db, { job: "secret-job", key: "a" });
  for (const path of ["/", `/runs/${id}`, "/runs/1"]) {
    const page = await at(path);
    expect(page.status).toBe(401);
    const text = await page.text();
    expect(text).toContain("WAYBILL_TOKEN_FILE");
    expect(text).not.toContain("secret-job");
  }
  const headers = { authorization: `Bearer ${await token("reader")}` };
  expect(await (await at("/", { headers })).text()).toContain("secret-job");
});

test("whoever has to log in comes back to the page", async () => {
  const db = await databases.open(serverMigrations);
  const { at } = await serverWorld(db, {
    access: {
      providers: [
        {
          ...{ name: "sso", kind: "openid", issuer: "https://127.0.0.1:1", clientId: "waybill" },
          clientSecret: { variable: "SECRET" },
        },
      ],
    },
  });
  expect(await (await at("/runs/17")).text()).toContain('href="/auth/sso?return=%2Fruns%2F17"');
});
