import { hostname } from "node:os";
import { expect, test } from "vitest";
import { ask, errorCode, startForTest } from "./client.ts";
import { randomBlob } from "./samples.ts";

const rebound = "attacker.example";

test.each([
  ["a simple request of a page elsewhere", { Origin: "http://attacker.example" }],
  ["one of a page on another port of this machine", { Origin: "http://127.0.0.1:3000" }],
  ["one of a page in a sandbox", { Origin: "null" }],
  ["one that only says that it comes from another site", { "Sec-Fetch-Site": "cross-site" }],
  ["one from another port, which is the same site", { "Sec-Fetch-Site": "same-site" }],
])("%s is refused, whatever it asks for", async (_what, headers) => {
  const { url } = await startForTest();
  const blob = randomBlob(100);
  const answers = [
    await ask(url, "POST", `/v2/a/blobs/uploads/?digest=${blob.digest}`, { headers, body: blob.bytes }),
    await ask(url, "GET", "/v2/_catalog", { headers }),
    await ask(url, "OPTIONS", "/v2/", { headers }),
  ];
  for (const answer of answers) expect([answer.status, errorCode(answer)]).toEqual([403, "DENIED"]);
  expect((await ask(url, "HEAD", `/v2/a/blobs/${blob.digest}`)).status).toBe(404);
});

test("a host name that is not the registry's is refused: a page's own may point anywhere", async () => {
  const { url } = await startForTest({ names: ["Registry.LAN"] });
  const { port } = new URL(url);
  const status = async (host: string, more: Record<string, string> = {}) =>
    (await ask(url, "GET", "/v2/", { headers: { Host: host, ...more } })).status;
  for (const host of [
    `${rebound}:${port}`,
    rebound,
    "localhost.attacker.example",
    "127.0.0.1.nip.io",
    "192.0.2.7",
  ]) {
    expect([host, await status(host)]).toEqual([host, 421]);
  }
  expect(await status(`${rebound}:${port}`, { Origin: `http://${rebound}:${port}` })).toBe(421);
  const own = ["localhost", "LOCALHOST:80", "staging.localhost", "127.0.0.1", "127.1.2.3:5000", "[::1]:5000"];
  for (const host of [...own, "registry.lan:5000", "registry.lan.", hostname()]) {
    expect([host, await status(host)]).toEqual([host, 200]);
  }
});

test("whoever types the address into a browser is answered", async () => {
  const { url, address } = await startForTest();
  for (const headers of [
    { "Sec-Fetch-Site": "none" },
    { "Sec-Fetch-Site": "same-origin", Origin: `http://${address}` },
  ]) {
    expect((await ask(url, "GET", "/v2/", { headers })).status).toBe(200);
  }
});
