import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Context } from "hono";
import { expect, onTestFinished, test } from "vitest";
import { revokeToken } from "../../src/access/index.ts";
import type { Asking } from "../../src/server/context.ts";
import { streamOf } from "../../src/server/live/event-stream.ts";
import { LogEvents, openEnd } from "../../src/server/live/log-events.ts";
import { WorkEvents } from "../../src/server/live/work-events.ts";
import { ask, startWorker } from "../queue/support.ts";
import { usePglite } from "../support/databases.ts";
import { serverMigrations, serverWorld, type WorldOptions } from "./server-world.ts";

const databases = usePglite();
const world = async (options?: WorldOptions) =>
  serverWorld(await databases.open(serverMigrations), { access: { anonymousReading: true }, ...options });

interface Told {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Reads a stream of events as a browser does; it is given up when the test is done with it. */
async function* eventsOf(answer: Response): AsyncGenerator<Told> {
  let rest = "";
  for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = `${rest}${text}`.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").map((line) => {
          const at = line.indexOf(":");
          return [line.slice(0, at), line.slice(at + 1).trim()] as const;
        }),
      );
      const event = fields.get("event");
      if (event !== undefined) yield { event, id: fields.get("id"), data: fields.get("data") ?? "" };
    }
  }
}

async function next(events: AsyncGenerator<Told>, ...wanted: string[]): Promise<Told> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error("the stream has ended");
    if (wanted.includes(value.event)) return value;
  }
}

/** Text of a log until it has so many characters. */
async function textOf(events: AsyncGenerator<Told>, length: number): Promise<{ text: string; id: string }> {
  let [text, id] = ["", ""];
  while (text.length < length) {
    const told = await next(events, "log");
    text += JSON.parse(told.data);
    id = told.id ?? "";
  }
  return { text, id };
}

/** A run whose log a test writes. */
async function runOf({ db, runs, queue }: Awaited<ReturnType<typeof world>>) {
  const { id } = await ask(db, { job: "a" });
  const record = await runs.start({ id, attempt: 1, job: "a", type: "postsubmit" });
  return { id, record, queue };
}

test("a log is told while it is written, from any byte on, to its end", async () => {
  const served = await world();
  const { id, record } = await runOf(served);
  record.log("one\n");
  const stream = await served.at(`/api/v1/runs/${id}/log/events`);
  expect(Object.fromEntries(stream.headers)).toMatchObject({
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  const events = eventsOf(stream);
  expect(await textOf(events, 4)).toEqual({ text: "one\n", id: "4" });
  record.log('two "\u20ac\r\n');
  const { text, id: last } = await textOf(events, 8);
  expect([text, last]).toEqual(['two "\u20ac\r\n', "14"]);
  record.log("three\n");
  const again = await served.at(`/api/v1/runs/${id}/log/events`, { headers: { "last-event-id": "4" } });
  expect(await textOf(eventsOf(again), 14)).toMatchObject({ text: 'two "\u20ac\r\nthree\n' });
  const behind = await served.at(`/api/v1/runs/${id}/log/events?from=14`);
  const other = eventsOf(behind);
  expect(await textOf(other, 6)).toEqual({ text: "three\n", id: "20" });
  await record.finish({ result: "SUCCESS" });
  expect(await next(other, "end")).toMatchObject({ data: expect.stringContaining('"state"') });
  expect(await other.next()).toMatchObject({ done: true });
});

test("changes of runs are told, and the queue with them", async () => {
  const { at, db, queue } = await world();
  const events = eventsOf(await at("/api/v1/events"));
  await next(events, "reset");
  const told = { runs: new Map<string, string>(), counted: -1 };
  /** Reads on until both say so, in whichever order they come. */
  const until = async (id: string, state: string, counted: number) => {
    while (told.runs.get(id) !== state || told.counted !== counted) {
      const { event, data } = await next(events, "run", "queue");
      const document = JSON.parse(data);
      if (event === "run") told.runs.set(document.id, document.state);
      else told.counted = document.counts.length;
    }
  };
  const { id } = await ask(db, { job: "a" });
  await until(id, "waiting", 1);
  await db.transaction((sql) => queue.abort(sql, id, { who: "t", why: "t" }));
  await until(id, "ended", 0);
  await events.return(undefined);
});

test("a stream ends with the server", async () => {
  const served = await world();
  const { id } = await runOf(served);
  const [log, all] = [
    eventsOf(await served.at(`/api/v1/runs/${id}/log/events`)),
    eventsOf(await served.at("/api/v1/events")),
  ];
  await next(all, "reset");
  served.stopping.abort();
  expect(await log.next()).toMatchObject({ done: true });
  for (;;) if ((await all.next()).done === true) break;
});

test("streams of a run that there is not, or that somebody may not read, begin not at all", async () => {
  const { at, db, token } = await world({ access: {} });
  const bearer = await token("reader");
  const headers = { authorization: `Bearer ${bearer}` };
  expect((await at("/api/v1/runs/123/log/events", { headers })).status).toBe(404);
  const [row] = await db.query<{ id: string }>("SELECT id FROM access_token");
  await revokeToken(db, row?.id ?? "", undefined, new Date());
  expect((await at("/api/v1/events", { headers })).status).toBe(401);
});

test("a sign whose bytes come in two batches is told whole, and batches are encoded once", async () => {
  const euro = new TextEncoder().encode("\u20ac");
  const batch = (bytes: Uint8Array, offset: number, skipped = 0) => ({ bytes, offset, skipped });
  const told: string[] = [];
  const events = new LogEvents({
    tell: (piece) => told.push(new TextDecoder().decode(piece)),
    idAt: (offset) => `${offset}.7`,
  });
  for (const one of [
    batch(new Uint8Array([97, ...euro.subarray(0, 1)]), 2),
    batch(euro.subarray(1, 2), 3),
    batch(euro.subarray(2), 4),
    batch(new Uint8Array([98]), 5),
    batch(new Uint8Array([99]), 105, 99),
    batch(euro.subarray(0, 2), 107),
  ])
    events.add(one);
  events.end();
  expect(told).toEqual([
    "id: 1.7\n",
    'event: log\ndata: "a"\n\n',
    "id: 4.7\n",
    'event: log\ndata: "\u20ac"\n\n',
    "id: 5.7\n",
    'event: log\ndata: "b"\n\n',
    "event: skipped\ndata: 99\n\n",
    "id: 105.7\n",
    'event: log\ndata: "c"\n\n',
    'event: log\ndata: "\ufffd"\n\n',
  ]);
  const same = batch(new Uint8Array([97]), 1);
  const pieces = new Set<Uint8Array>();
  for (let listener = 0; listener < 2; listener += 1) {
    const tell = (piece: Uint8Array) => void (piece[0] === "e".charCodeAt(0) && pieces.add(piece));
    new LogEvents({ tell, idAt: String }).add(same);
  }
  expect(pieces.size).toBe(1);
  expect(openEnd(new Uint8Array([0xf0, 0x9f, 0x98]))).toBe(3);
  expect(openEnd(new Uint8Array([0xf0, 0x9f, 0x98, 0x80]))).toBe(0);
  expect(openEnd(new Uint8Array([0xff]))).toBe(0);
  expect(openEnd(new Uint8Array([0x80, 0x80, 0x80, 0x80]))).toBe(0);
  expect(openEnd(new Uint8Array())).toBe(0);
});

test("events that come in two batches are told whole, and what is no event not at all", () => {
  const told: string[] = [];
  const events = new WorkEvents(
    { tell: (piece) => told.push(new TextDecoder().decode(piece)), idAt: String },
    true,
  );
  const bytes = (text: string) => new TextEncoder().encode(text);
  events.add({ bytes: bytes('"torn"}\n{"type":"a"}\n{"ty'), offset: 25, skipped: 0 });
  events.add({ bytes: bytes('pe":"b"}\n[1]\nnothing\n{"type":\r"c"}\n'), offset: 61, skipped: 0 });
  events.add({ bytes: bytes('n"}\n{"type":"d"}\n'), offset: 200, skipped: 120 });
  expect(told).toEqual([
    "id: 21\n",
    'event: events\ndata: [{"type":"a"}]\n\n',
    "id: 61\n",
    'event: events\ndata: [{"type":"b"},{"type":"c"}]\n\n',
    "event: skipped-events\ndata: 120\n\n",
    "id: 200\n",
    'event: events\ndata: [{"type":"d"}]\n\n',
  ]);
});

test("one stream has the changes of all runs, and what one of them writes, from where a listener was cut off", async () => {
  const served = await world();
  const { id } = await ask(served.db, { job: "a" });
  const all = eventsOf(await served.at(`/api/v1/events?run=${id}&log=0&events=0`));
  await next(all, "reset");
  const begun = { attempt: 1, job: "a", type: "postsubmit" } as const;
  const worker = startWorker(served.db, { queue: served.queue });
  await worker.taken(id);
  const record = await served.runs.start({ id, ...begun });
  record.log("one\n");
  expect(await textOf(all, 4)).toMatchObject({ text: "one\n", id: expect.stringMatching(/^4\.\d+$/) });
  record.append({ type: "waiting" });
  const { data, id: last = "" } = await next(all, "events");
  expect(JSON.parse(data)).toEqual([{ type: "waiting", at: expect.any(String) }]);
  expect(last).toMatch(/^4\.[1-9]\d*$/);
  record.log("two\n");
  record.append({ type: "back" });
  const again = eventsOf(await served.at(`/api/v1/events?run=${id}&log=0&events=0&after=${last}`));
  const told = { text: "", types: [] as string[] };
  while (told.text.length < 4 || told.types.length === 0) {
    const { event, data } = await next(again, "log", "events");
    if (event === "log") told.text += JSON.parse(data);
    else told.types.push(...JSON.parse(data).map(({ type }: { type: string }) => type));
  }
  expect(told).toEqual({ text: "two\n", types: ["back"] });
  await record.finish({ result: "SUCCESS" });
  worker.finish(id);
  await next(again, "end");
  // The stream goes on with what else happens.
  const { id: other } = await ask(served.db, { job: "b" });
  for (let seen = ""; seen !== other; ) seen = JSON.parse((await next(again, "run")).data).id;
  await worker.stop();
  expect((await served.at("/api/v1/events?run=1")).status).toBe(404);
  expect((await served.at(`/api/v1/events?run=${id}&log=-1`)).status).toBe(400);
});

test("a run that has not begun is followed from its beginning, and one that never begins to its end", async () => {
  const served = await world();
  const { id } = await ask(served.db, { job: "a" });
  const other = await ask(served.db, { job: "b" });
  const [events, never] = [
    eventsOf(await served.at(`/api/v1/runs/${id}/log/events`)),
    eventsOf(await served.at(`/api/v1/runs/${other.id}/log/events`)),
  ];
  await served.db.transaction((sql) => served.queue.abort(sql, other.id, { who: "t", why: "t" }));
  expect(JSON.parse((await next(never, "end")).data)).toEqual({ state: "ended", result: "ABORTED" });
  const worker = startWorker(served.db, {
    queue: served.queue,
    carryOut: async (run) => {
      const record = await served.runs.start({ id, attempt: run.attempt, job: "a", type: "postsubmit" });
      record.log("one\n");
      await record.finish({ result: "SUCCESS" });
      return { result: "SUCCESS" };
    },
  });
  expect(await textOf(events, 4)).toMatchObject({ text: "one\n" });
  await next(events, "end");
  await worker.stop();
});

const life = {
  ...{ stopping: new AbortController().signal, mayGoOn: async () => true },
  onProblem: (error: unknown) => {
    throw error;
  },
};

test("what a stream fails with is told, and cuts it off", async () => {
  const problems: unknown[] = [];
  const c: Asking = new Context(new Request("http://server.test"), { env: {} });
  c.set("requestId", "1");
  const failure = new Error("what is told cannot be read");
  const answer = streamOf(c, { ...life, onProblem: (error) => problems.push(error) }, async () => {
    throw failure;
  });
  await expect(answer.text()).rejects.toThrow();
  expect(problems).toEqual([failure]);
});

test("a stream whose listener is gone before its first event is given up", async () => {
  await new Promise<void>((givenUp, failed) => {
    const server = createServer((request, outgoing) => {
      outgoing.once("close", () => {
        const c: Asking = new Context(new Request("http://server.test"), { env: { outgoing } });
        c.set("requestId", "1");
        streamOf(c, life, async (stream) => {
          while (!stream.signal.aborted) await stream.taken();
          givenUp();
        });
      });
      request.socket.destroy();
    });
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      connect(port, "127.0.0.1").on("error", failed).write("GET / HTTP/1.1\r\nHost: server.test\r\n\r\n");
    });
  });
});

test("a stream keeps nothing of what it has told, however long it goes on", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const told: WeakRef<Uint8Array>[] = [];
  const c: Asking = new Context(new Request("http://server.test"), { env: {} });
  c.set("requestId", "1");
  const answer = streamOf(c, life, async (stream) => {
    for (let number = 0; number < 10; number += 1) {
      const piece = new Uint8Array(64 * 1024);
      told.push(new WeakRef(piece));
      stream.tell(piece);
      await stream.taken();
    }
    while (told.slice(0, 8).some((piece) => piece.deref() !== undefined)) {
      // What was looked at is kept until the next turn.
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
  });
  for await (const _ of answer.body ?? []);
  expect(told).toHaveLength(10);
});
