import { setTimeout as sleep } from "node:timers/promises";
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { mayDo } from "../../access/index.ts";
import { RunError } from "../../store/index.ts";
import { demand, identifyNow } from "../acts.ts";
import { type Asking, addressOf, type Env } from "../context.ts";
import { ChangeHub } from "../live/changes.ts";
import { type EventStream, type Life, streamOf } from "../live/event-stream.ts";
import { tellLog } from "../live/log-events.ts";
import { encodeEvent } from "../live/sse.ts";
import type { ServerParts } from "../model.ts";
import { failures } from "../responses.ts";
import { idInPath, runIdSchema } from "../schemas.ts";
import { sessionOf } from "./login.ts";
import { queueDocument } from "./queue.ts";

const stream = {
  200: {
    description: "Events, until the stream ends; then come again.",
    content: { "text/event-stream": { schema: z.string() } },
  },
  ...failures,
};

/** Milliseconds between two looks at the whole queue, for all who listen together. */
const queueEvery = 500;

/** The routes by which changes are told as they happen: server-sent events. */
export function addLive(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { queue } = parts;
  const hub = new ChangeHub(queue);
  const counted = shared(() => queueDocument(parts).then((document) => JSON.stringify(document)));

  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/events",
    tags: ["live"],
    summary: "Changes of runs and of the queue",
    description:
      "`run` with the id and state of a run that has changed; `queue` with the queue, twice a second at most; `reset` first, and whenever changes may have been missed: read what you show anew.",
    responses: stream,
  });
  api.get("/events", (c) => {
    demand(c, parts, "read");
    return streamOf(c, lifeOf(c, parts), async (stream) => {
      let told = "";
      for await (const changes of hub.changes(stream.signal)) {
        if (changes === "reset") stream.tell(encodeEvent({ event: "reset", data: "{}" }));
        else {
          for (const { id, state } of changes) {
            stream.tell(encodeEvent({ event: "run", data: JSON.stringify({ id, state }) }));
          }
        }
        const now = await counted();
        if (now !== told) stream.tell(encodeEvent({ event: "queue", data: now }));
        told = now;
        await stream.taken();
      }
    });
  });

  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/runs/{id}/log/events",
    tags: ["live"],
    summary: "The log of a run while it is written",
    description:
      "`log` with text as JSON, and the offset behind it as its id; a listener that was cut off goes on there (`Last-Event-ID`, or `from`). `skipped` with a number of bytes that it was too slow for. `end` with the state of the run.",
    request: {
      params: z.object({ id: runIdSchema }),
      query: z.object({ from: z.coerce.number().int().min(0).optional() }),
      headers: z.object({ "last-event-id": z.string().optional() }),
    },
    responses: stream,
  });
  api.get(`/runs/${idInPath}/log/events`, async (c) => {
    demand(c, parts, "read");
    const id = c.req.param("id") ?? "";
    const last = c.req.header("last-event-id") ?? c.req.query("from") ?? "0";
    const from = /^[0-9]{1,15}$/.test(last) ? Number(last) : 0;
    await queue.read(id);
    return streamOf(c, lifeOf(c, parts), async (stream) => {
      await tellWhenBegun(parts, hub, { id, from }, stream);
      const { state, result } = await queue.read(id);
      stream.tell(encodeEvent({ event: "end", data: JSON.stringify({ state, result }) }));
    });
  });
}

/** Milliseconds between two looks for the record of a run that a worker has taken. */
const recordEvery = 500;

/** Tells a log, once its run has begun; nothing of one that ends without a record. */
async function tellWhenBegun(
  { queue, runs }: ServerParts,
  hub: ChangeHub,
  place: { readonly id: string; readonly from: number },
  stream: EventStream,
): Promise<void> {
  const { id } = place;
  for (let isOver = false; !stream.signal.aborted; ) {
    try {
      return await tellLog(runs, place, stream);
    } catch (error) {
      // Told at the beginning alone: nothing was passed on yet.
      const hasNoRecord = error instanceof RunError && error.code === "unknown-run";
      if (!hasNoRecord) throw error;
    }
    if (isOver) return;
    const { state } = await queue.read(id);
    isOver = state === "ended";
    if (state === "running") await sleep(recordEvery);
    else if (!isOver) await untilTaken(queue, hub, id, stream.signal);
  }
}

/** Waits until a run neither waits nor is held. */
async function untilTaken(
  queue: ServerParts["queue"],
  hub: ChangeHub,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const changes of hub.changes(signal)) {
    if (changes !== "reset" && !changes.some((change) => change.id === id)) continue;
    const { state } = await queue.read(id);
    if (state === "running" || state === "ended") return;
  }
}

/** A stream outlives what let it begin: a session that ends, a role that is taken away. */
function lifeOf(c: Asking, parts: ServerParts): Life {
  const { access, stopping } = parts;
  const shown = {
    authorization: c.req.header("authorization"),
    session: sessionOf(c),
    from: addressOf(c),
  };
  const mayGoOn = async (): Promise<boolean> => {
    if (access.settings.anonymousReading) return true;
    const { principal } = await identifyNow(parts, shown);
    return mayDo(principal, "read", undefined, access.settings).isGiven;
  };
  return { stopping, mayGoOn };
}

/**
 * Asks no more often than now and then, for all who want to know together. What each is given was asked after it wanted to know.
 */
function shared(ask: () => Promise<string>): () => Promise<string> {
  let next: Promise<string> | undefined;
  let asked = Number.NEGATIVE_INFINITY;
  return () => {
    next ??= sleep(Math.max(0, asked + queueEvery - performance.now())).then(() => {
      next = undefined;
      asked = performance.now();
      return ask();
    });
    return next;
  };
}
