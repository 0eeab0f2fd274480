import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Database } from "../../src/database/index.ts";
import {
  listNotifications,
  listReceivers,
  type NotificationSettings,
  noteRunEnd,
  notificationsMigrations,
  previewTelling,
  type SenderOptions,
  sendDue,
  tellChanges,
} from "../../src/notifications/index.ts";
import { askForRun, openQueue, type QueuedRun, queueMigrations } from "../../src/queue/index.ts";
import { authenticate } from "../../src/webhooks/index.ts";
import { describeDatabases } from "../support/databases.ts";

/** A receiver that keeps what it gets, and answers as it is told. */
interface Receiving {
  readonly url: string;
  readonly got: { readonly headers: Headers; readonly body: Buffer; readonly path: string }[];
  answer: { status: number; headers?: Record<string, string> };
  close(): Promise<void>;
}

async function startReceiver(): Promise<Receiving> {
  const got: Receiving["got"] = [];
  const server: Server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = new Headers(request.headers as Record<string, string>);
      got.push({ headers, body: Buffer.concat(chunks), path: request.url ?? "" });
      response.writeHead(receiving.answer.status, receiving.answer.headers).end("ok");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const receiving: Receiving = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    answer: { status: 200 },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return receiving;
}

/** A mail server that takes everything, but from or for whom it is told to refuse. */
async function startMailServer() {
  const got: { readonly to: string[]; readonly text: string }[] = [];
  const state = { refuse: "" };
  const server = createTcpServer((socket) => {
    let to: string[] = [];
    let data: string | undefined;
    let rest = "";
    const say = (text: string) => socket.write(`${text}\r\n`);
    say("220 mail.test");
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      rest += chunk.toString();
      for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (data !== undefined) {
          if (line === ".") {
            got.push({ to, text: data });
            data = undefined;
            say("250 taken");
          } else data += `${line}\n`;
        } else if (/^EHLO/i.test(line)) say("250-mail.test\r\n250 8BITMIME");
        else if (/^RCPT/i.test(line)) {
          if (state.refuse !== "") say(state.refuse);
          else {
            to.push(line);
            say("250 ok");
          }
        } else if (/^DATA/i.test(line)) {
          data = "";
          say("354 go on");
        } else if (/^QUIT/i.test(line)) {
          say("221 bye");
          socket.end();
        } else {
          if (/^MAIL/i.test(line)) to = [];
          say("250 ok");
        }
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...{ got, state, port: (server.address() as AddressInfo).port },
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}

const key = `whsec_${Buffer.from("a secret of twenty-four bytes or more").toString("base64")}`;

describeDatabases((databases) => {
  let folder: string;
  let receiver: Receiving;
  let mail: Awaited<ReturnType<typeof startMailServer>>;
  let db: Database;
  let now: Date;
  let runs = 0;

  const settings = (): NotificationSettings => ({
    receivers: [
      {
        ...{ kind: "webhook", name: "ops", url: { variable: "OPS_URL" }, allowPrivateAddresses: true },
        secrets: [{ file: join(folder, "secret") }, { variable: "OLD_SECRET" }],
      },
      { kind: "slack", name: "chat", url: { variable: "CHAT_URL" }, allowPrivateAddresses: true },
      { kind: "email", name: "mail", to: ["release@example.org"] },
    ],
    rules: [
      { name: "all", to: ["ops"] },
      { name: "promotions", jobs: ["promo-*"], failures: 2, to: ["chat"] },
    ],
    mail: { host: "127.0.0.1", port: mail.port, security: "none", from: "waybill@example.org" },
  });
  const options = (more: Partial<SenderOptions> = {}): SenderOptions => ({
    settings: settings(),
    network: { environment: {} },
    environment: { OPS_URL: `${receiver.url}/ops`, OLD_SECRET: "old", CHAT_URL: `${receiver.url}/chat` },
    ...{ publicUrl: "https://waybill.test", pageOf: (run) => `https://waybill.test/runs/${run}` },
    now: () => now,
    ...more,
  });
  const pass = (seconds: number) => {
    now = new Date(now.getTime() + seconds * 1000);
  };
  const end = async (
    job: string,
    result: "SUCCESS" | "FAILURE" | "ABORTED",
    more: Partial<QueuedRun> = {},
  ) => {
    runs += 1;
    const summary = result === "SUCCESS" ? "" : `registry.test answers with 503 after ${runs} s`;
    const run = { id: String(runs), job, result, details: { summary }, endedAt: now, input: {}, ...more };
    await db.transaction((sql) => noteRunEnd(sql, run as QueuedRun));
    await tell();
  };
  const tell = () => tellChanges(db, openQueue(db), settings(), now);
  const send = () => sendDue(db, options());
  const titles = () =>
    receiver.got.map(({ path, body }) => `${path} ${JSON.parse(body.toString()).data?.title}`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "waybill-notifications-"));
    await writeFile(join(folder, "secret"), `${key}\n`);
    receiver = await startReceiver();
    mail = await startMailServer();
  });
  afterAll(async () => {
    await receiver?.close();
    await mail?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    db = await databases.open([...queueMigrations, ...notificationsMigrations]);
    now = new Date("2026-05-01T12:00:00Z");
    receiver.got.splice(0);
    receiver.answer = { status: 200 };
    mail.got.splice(0);
    mail.state.refuse = "";
  });

  it("a failure is told once, by a signed CloudEvent, and its end as well", async () => {
    await end("nightly", "FAILURE");
    await end("nightly", "FAILURE");
    expect(await send()).toBe(0);
    pass(30);
    await send();
    await end("nightly", "FAILURE");
    pass(3600);
    await send();
    expect(receiver.got).toHaveLength(1);
    const [got] = receiver.got;
    if (got === undefined) throw new Error("nothing came");
    for (const secret of [key, "old"]) {
      const request = { headers: got.headers };
      const at = now.getTime() - 3600_000;
      const admitted = authenticate(request, { name: "ops", secrets: [secret] }, at);
      expect("verify" in admitted && admitted.verify(got.body)).toBeUndefined();
      expect("verify" in admitted && admitted.verify(Buffer.from("{}"))).toHaveProperty("code");
    }
    const event = JSON.parse(got.body.toString());
    expect(got.headers.get("content-type")).toBe("application/cloudevents+json");
    expect(event).toMatchObject({ type: "dev.waybill.job.failing.v1", subject: "nightly" });
    expect(event.id).toBe(got.headers.get("webhook-id"));
    await end("nightly", "SUCCESS");
    await end("nightly", "SUCCESS");
    pass(30);
    await send();
    expect(titles()).toEqual([
      expect.stringContaining("/ops nightly fails: registry.test"),
      "/ops nightly succeeds again",
    ]);
  });

  it("what has one cause is one message, and a rule waits for its number of failures", async () => {
    for (let index = 0; index < 30; index += 1) await end(`promo-${index}`, "FAILURE");
    pass(31);
    await send();
    expect(titles()).toEqual([expect.stringContaining("/ops 30 jobs fail: registry.test answers with #")]);
    await end("promo-0", "FAILURE");
    pass(31);
    await send();
    const chat = receiver.got.at(-1);
    expect(chat?.path).toBe("/chat");
    expect(JSON.parse(chat?.body.toString() ?? "").text).toContain("promo-0 fails");
    await end("promo-late", "FAILURE");
    pass(60);
    // The next message of this cause waits for its time.
    expect(await send()).toBe(0);
    pass(300);
    await send();
    expect(titles().at(-1)).toContain("/ops promo-late fails");
  });

  it("nobody is told of what was stopped, of pull requests, and of shadows", async () => {
    await end("a", "ABORTED");
    await end("b", "FAILURE", { pull: 3 });
    await end("c", "FAILURE", { shadow: true });
    pass(60);
    expect(await send()).toBe(0);
  });

  it("one success is enough once a quarter of an hour has passed", async () => {
    await end("nightly", "FAILURE");
    await end("nightly", "SUCCESS");
    await tell();
    pass(31);
    await send();
    expect(receiver.got).toHaveLength(1);
    pass(900);
    await tell();
    pass(31);
    await send();
    expect(titles().at(-1)).toBe("/ops nightly succeeds again");
  });

  it("a run that waits for a person is told of once", async () => {
    const { id } = await db.transaction((sql) =>
      askForRun(sql, {
        ...{ job: "release", kind: "promote", type: "postsubmit", key: "main", priority: 0 },
        ...{ held: "the release manager looks first", input: { job: { contact: "ann@example.org" } } },
        cause: { by: "push", text: "push", at: now.toISOString() },
      }),
    );
    await tell();
    await tell();
    pass(31);
    await send();
    expect(titles()).toEqual(["/ops release waits for somebody: the release manager looks first"]);
    expect(mail.got).toHaveLength(1);
    expect(mail.got[0]?.text).toContain(`https://waybill.test/runs/${id}`);
    expect(mail.got[0]?.to).toEqual([expect.stringContaining("ann@example.org")]);
  });

  it("a job's own wishes count: whom it names, and after how many failures", async () => {
    const input = { job: { contact: ["ann@example.org"], notify: { failures: 2, to: "mail" } } };
    await end("own", "FAILURE", { input });
    pass(60);
    await send();
    expect(mail.got).toHaveLength(0);
    await end("own", "FAILURE", { input });
    pass(60);
    await send();
    expect(mail.got.map(({ to }) => to.join()).sort()).toEqual([
      expect.stringContaining("ann@example.org"),
      expect.stringContaining("release@example.org"),
    ]);
    expect(mail.got[0]?.text).toMatch(/^Auto-Submitted: auto-generated$/im);
  });

  it("what does not arrive is sent again under the same name, later and later, and given up in the end", async () => {
    receiver.answer = { status: 503 };
    await end("nightly", "FAILURE");
    pass(30);
    expect(await send()).toBe(1);
    expect(await send()).toBe(0);
    pass(5);
    expect(await send()).toBe(1);
    pass(299);
    expect(await send()).toBe(0);
    pass(1);
    receiver.answer = { status: 429, headers: { "retry-after": "7200" } };
    expect(await send()).toBe(1);
    pass(7199);
    expect(await send()).toBe(0);
    receiver.answer = { status: 503 };
    for (let attempt = 0; attempt < 12; attempt += 1) {
      pass(24 * 3600);
      await send();
    }
    expect(receiver.got).toHaveLength(10);
    expect(new Set(receiver.got.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
    expect(await listNotifications(db, { limit: 5 })).toMatchObject([
      {
        state: "failed",
        receiver: "ops",
        attempts: 10,
        failure: expect.stringContaining("answers with 503"),
      },
    ]);
  });

  it("a receiver that is gone gets nothing more, until its address is another", async () => {
    receiver.answer = { status: 410 };
    await end("a", "FAILURE");
    pass(400);
    await send();
    receiver.answer = { status: 200 };
    await end("b", "FAILURE", { details: { summary: "something else" } });
    pass(400);
    await send();
    expect(receiver.got).toHaveLength(1);
    expect(await listNotifications(db, { limit: 1 })).toMatchObject([
      { state: "failed", failure: expect.stringContaining("switched off") },
    ]);
    await end("c", "FAILURE", { details: { summary: "a third thing" } });
    pass(400);
    const moved = { ...options().environment, OPS_URL: `${receiver.url}/moved` };
    await sendDue(db, options({ environment: moved }));
    expect(titles().at(-1)).toContain("/moved c fails");
  });

  it("redirects are not followed, and addresses that only we reach are refused", async () => {
    receiver.answer = { status: 307, headers: { location: `${receiver.url}/elsewhere` } };
    await end("a", "FAILURE");
    pass(31);
    await send();
    expect(receiver.got.map(({ path }) => path)).toEqual(["/ops"]);
    const [ops, ...others] = settings().receivers;
    if (ops?.kind !== "webhook") throw new Error("it is a webhook");
    const guarded = { ...settings(), receivers: [{ ...ops, allowPrivateAddresses: false }, ...others] };
    await end("b", "FAILURE", { details: { summary: "something else" } });
    pass(31);
    await sendDue(db, options({ settings: guarded }));
    expect(receiver.got).toHaveLength(1);
    const [last] = await listNotifications(db, { limit: 1 });
    expect(last).toMatchObject({ state: "waiting", failure: expect.stringContaining("cannot be reached") });
    expect(last?.failure).not.toContain("/ops");
  });

  it("mail that is refused is given up, and one that cannot be sent now is not", async () => {
    const input = { job: { contact: ["ann@example.org"] } };
    mail.state.refuse = "550 nobody of that name";
    await end("own", "FAILURE", { input });
    pass(31);
    await send();
    expect(await listNotifications(db, { limit: 5 })).toContainEqual(
      expect.objectContaining({ receiver: "mailto:ann@example.org", state: "failed" }),
    );
    mail.state.refuse = "451 later";
    await end("other", "FAILURE", { input, details: { summary: "something else" } });
    pass(31);
    await send();
    mail.state.refuse = "";
    pass(5);
    await send();
    expect(mail.got).toHaveLength(1);
  });

  it("receivers are listed with what became of what they were told, and without their addresses", async () => {
    mail.state.refuse = "550 nobody of that name";
    await end("own", "FAILURE", { input: { job: { contact: ["ann@example.org"] } } });
    pass(31);
    await send();
    const sentAt = now;
    await end("other", "FAILURE");
    const listed = await listReceivers(db, settings());
    expect(listed).toMatchObject([
      { name: "chat", kind: "slack", to: [], rules: ["promotions"], last: undefined, waiting: 0 },
      { name: "mail", kind: "email", to: ["release@example.org"], rules: [] },
      { name: "mailto:ann@example.org", to: ["ann@example.org"], last: { state: "failed" } },
      { name: "ops", rules: ["all"], last: { state: "waiting" }, sentAt, waiting: 1, off: undefined },
    ]);
    expect(JSON.stringify(listed)).not.toContain(receiver.url);
  });

  it("two who send at the same time send everything once", async () => {
    for (let index = 0; index < 20; index += 1) {
      await end(`job-${index}`, "FAILURE", { details: { summary: `cause ${"x".repeat(index)}` } });
    }
    pass(31);
    const other = await databases.openAgain();
    const counts = await Promise.all([sendDue(db, options()), sendDue(other, options())]);
    expect(counts[0] + counts[1]).toBe(20);
    expect(receiver.got).toHaveLength(20);
  });

  it("a rule can be looked at without anybody being told", async () => {
    const wishes = { job: "promo-x", contact: ["ann@example.org"], to: [] };
    const previews = await previewTelling(options(), wishes, "failing");
    expect(previews.map(({ rule, receiver: who, to }) => [rule, who, to])).toEqual([
      ["all", "ops", expect.stringMatching(/^webhook at 127\.0\.0\.1:\d+$/)],
      ["promotions", "chat", expect.stringMatching(/^slack at /)],
      ["job", "mailto:ann@example.org", "mail to ann@example.org"],
    ]);
    expect(previews[1]?.body).toContain("promo-x fails: what its run says of its end");
    expect(receiver.got).toEqual([]);
    expect(JSON.stringify(previews)).not.toContain("whsec_");
  });
});
