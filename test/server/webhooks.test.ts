import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listDeliveries } from "../../src/deliveries/index.ts";
import { usePglite } from "../support/databases.ts";
import { serverMigrations, serverWorld, type WorldOptions } from "./server-world.ts";

const databases = usePglite();
const world = async (options?: WorldOptions) => serverWorld(await databases.open(serverMigrations), options);
const secret = "It's a Secret to Everybody";
const sign = (body: string | Uint8Array, key = secret) =>
  `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
const repository = {
  full_name: "a/b",
  clone_url: "https://git.example.org/a/b.git",
  html_url: "https://git.example.org/a/b",
};
const push = JSON.stringify({ ref: "refs/heads/main", repository });
const headersOf = (id: string, body: string | Uint8Array, more: Record<string, string> = {}) => ({
  ...{ "content-type": "application/json", "x-github-event": "push", "x-github-delivery": id },
  ...{ "x-hub-signature-256": sign(body), ...more },
});

/** A client of HTTP that writes what it is told to, byte by byte. */
async function rawRequest(host: string, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const [address = "", port] = host.split(":");
  const socket = connect(Number(port), address);
  await once(socket, "connect");
  let answer = "";
  socket.on("data", (piece) => {
    answer += piece.toString("latin1");
  });
  socket.on("error", () => undefined);
  for (const piece of pieces) socket.write(piece);
  // Not `once`: a server that has heard enough resets the connection, which is no failure.
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return answer;
}

test("a delivery is kept before it is answered, and once", async () => {
  const { at, db } = await world();
  const send = () => at("/webhooks/forge", { method: "POST", body: push, headers: headersOf("d-1", push) });
  expect((await send()).status).toBe(202);
  expect(await listDeliveries(db, { limit: 5 })).toMatchObject([
    { source: "forge", event: "push", arrivals: 1, outcome: "waiting" },
  ]);
  expect((await send()).status).toBe(202);
  expect(await listDeliveries(db, { limit: 5 })).toMatchObject([{ arrivals: 2 }]);
});

test("all that verifies is answered with success, whatever it is about", async () => {
  const { at } = await world();
  for (const [event, body] of [
    ["ping", JSON.stringify({ zen: "x", hook_id: 1 })],
    ["unheard_of", JSON.stringify({ repository })],
    ["push", JSON.stringify({ ref: "refs/heads/x", repository: { ...repository, full_name: "none/here" } })],
  ] as const) {
    const headers = headersOf(event, body, { "x-github-event": event });
    const { status } = await at("/webhooks/forge", { method: "POST", body, headers });
    expect([event, status]).toEqual([event, 202]);
  }
});

test("two hundred deliveries at once are all kept", async () => {
  const { at, db } = await world();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, number) =>
      at("/webhooks/forge", { method: "POST", body: push, headers: headersOf(`d-${number}`, push) }),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  const [row] = await db.query<{ count: number }>("SELECT count(*)::int AS count FROM delivery");
  expect(row?.count).toBe(200);
});

describe("a forged delivery", () => {
  test.each([
    ["without a signature", { "x-hub-signature-256": "" }],
    ["of another secret", { "x-hub-signature-256": sign(push, "other") }],
    ["of another body", { "x-hub-signature-256": sign("other") }],
    ["with a short signature", { "x-hub-signature-256": "sha256=00" }],
    ["with the old signature", { "x-hub-signature-256": "", "x-hub-signature": "sha1=00" }],
    ["with a good signature of another forge's", { "x-forgejo-event": "push", "x-forgejo-signature": "00" }],
    ["with our token", { "x-hub-signature-256": "", authorization: "Bearer waybill_x" }],
  ])("%s is refused, and nothing of it is kept", async (_, more) => {
    const { at, db } = await world();
    const answer = await at("/webhooks/forge", {
      ...{ method: "POST", body: push, headers: headersOf("d-1", push, more) },
    });
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain(secret);
    expect(await listDeliveries(db, { limit: 5 })).toEqual([]);
  });

  test("to a source that there is not is told no more than that", async () => {
    const { at } = await world();
    for (const path of ["/webhooks/none", "/webhooks/__proto__", "/webhooks/", "/webhooks/forge/a/b"]) {
      const { status } = await at(path, { method: "POST", body: push, headers: headersOf("d", push) });
      expect([path, status]).toEqual([path, 404]);
    }
    expect((await at("/webhooks/forge")).status).toBe(404);
  });
});

describe("a delivery that cannot be read", () => {
  const send = async (body: string | Uint8Array, more: Record<string, string> = {}) => {
    const { at, problems } = await world();
    const { status } = await at("/webhooks/forge", {
      ...{ method: "POST", body: new Uint8Array(Buffer.from(body)), headers: headersOf("d-1", body, more) },
    });
    return { status, problems };
  };
  test.each([
    ["empty", ""],
    ["no JSON", "not json"],
    ["a number", "1"],
    ["without what it is about", "{}"],
    ["half of it", push.slice(0, 40)],
    ["no UTF-8", new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
    ["ten thousand deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`],
    ["with another shape", JSON.stringify({ ref: { a: 1 }, repository: [] })],
  ])("is answered with 400 and never breaks anything: %s", async (_, body) => {
    expect(await send(body)).toEqual({ status: 400, problems: [] });
  });

  test("is refused when it is announced to be huge, and nothing of it is read", async () => {
    const { host, db } = await world();
    const answer = await rawRequest(host, [
      "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-GitHub-Event: push\r\n",
      `X-Hub-Signature-256: ${sign("")}\r\nContent-Length: 999999999999\r\n\r\n`,
    ]);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(await listDeliveries(db, { limit: 5 })).toEqual([]);
  });

  test("is refused when it turns out to be huge", async () => {
    const { at } = await world();
    const piece = new Uint8Array(1024 * 1024);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        if (sent > 40) controller.close();
        else controller.enqueue(piece);
      },
    });
    const headers = headersOf("d", "");
    const init: RequestInit = { method: "POST", body, headers, duplex: "half" };
    const status = await at("/webhooks/forge", init).then(
      (answer) => answer.status,
      // The connection is gone while more is sent.
      () => 413,
    );
    expect(status).toBe(413);
    expect(sent).toBeLessThan(41);
  });
});

test("no header of a delivery gets into an answer's headers", async () => {
  const { host } = await world();
  const answer = await rawRequest(host, [
    "POST /webhooks/forge%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n",
    "X-GitHub-Event: push\r\nX-Request-Id: forged\r\nX-GitHub-Delivery: a\r\nContent-Length: 0\r\n\r\n",
  ]);
  expect(answer).toMatch(/^HTTP\/1.1 404 /);
  expect(answer.toLowerCase()).not.toContain("set-cookie");
  expect(answer).not.toContain("forged");
  expect(answer).not.toContain("evil.example");
});

test("what is no HTTP, and headers without end, are refused", async () => {
  const { host, at } = await world();
  expect(await rawRequest(host, ["hello\r\n\r\n"])).toMatch(/^HTTP\/1.1 400 /);
  const long = `GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(64 * 1024)}\r\n\r\n`;
  // What is not read of it resets the connection, and that may overtake the answer.
  expect(await rawRequest(host, [long])).toMatch(/^(?:HTTP\/1.1 431 |$)/);
  const both =
    "POST /webhooks/forge HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect(await rawRequest(host, [`${both}0\r\n\r\n`])).toMatch(/^HTTP\/1.1 400 /);
  expect((await at("/healthz")).status).toBe(200);
});

test("whatever is sent, the answer is one of those that the description has, and nothing breaks", async () => {
  const { at, problems, db } = await world();
  const text = fc.string({ unit: "binary", maxLength: 60 });
  const name = fc.constantFrom(
    ...["x-github-event", "x-gitea-event", "x-forgejo-event", "x-gitlab-event", "x-gitlab-token"],
    ...["x-hub-signature-256", "x-gitea-signature", "webhook-id", "webhook-timestamp", "webhook-signature"],
    ...["content-type", "authorization", "x-github-delivery"],
  );
  const value = fc.string({ unit: fc.constantFrom(..."abc019=,:;% {}v"), maxLength: 80 });
  const request = fc.record({
    path: fc.constantFrom("/webhooks/forge", "/webhooks/forge/token", "/webhooks/forge/%00"),
    headers: fc.dictionary(name, value),
    body: fc.oneof(text, fc.json(), fc.constant(push)),
    isSigned: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ path, headers, body, isSigned }) => {
      const bytes = new Uint8Array(Buffer.from(body));
      const signed = isSigned ? { "x-github-event": "push", "x-hub-signature-256": sign(bytes) } : {};
      const answer = await at(path, { method: "POST", body: bytes, headers: { ...headers, ...signed } });
      expect([202, 400, 401, 404, 413]).toContain(answer.status);
      await answer.text();
    }),
    { numRuns: 200 },
  );
  expect(problems).toEqual([]);
  expect((await listDeliveries(db, { limit: 5 })).every(({ source }) => source === "forge")).toBe(true);
});

test("a delivery whose texts no database keeps is kept as far as it can be", async () => {
  const { at, db, problems } = await world();
  for (const [id, ref] of [
    ["nul", "refs/heads/a\0b"],
    ["half", "refs/heads/\uD800"],
  ] as const) {
    const body = JSON.stringify({ ref, repository });
    const { status } = await at("/webhooks/forge", { method: "POST", body, headers: headersOf(id, body) });
    expect([id, status]).toEqual([id, 202]);
  }
  const refs = (await listDeliveries(db, { limit: 5 })).map((delivery) => delivery.refs);
  expect(refs).toEqual([["refs/heads/\uFFFD"], ["refs/heads/a\uFFFDb"]]);
  const body = JSON.stringify({ repository, pull_request: { number: 2 ** 31 } });
  const headers = headersOf("large", body, { "x-github-event": "pull_request" });
  expect((await at("/webhooks/forge", { method: "POST", body, headers })).status).toBe(400);
  expect(problems).toEqual([]);
});
