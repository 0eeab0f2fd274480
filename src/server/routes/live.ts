import { setTimeout as sleep } from "node:timers/promises";
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { mayDo } from "../../access/index.ts";
import { demand, identifyNow } from "../acts.ts";
import { type Asking, addressOf, type Env } from "../context.ts";
import { whenBegun } from "../live/begun.ts";
import { ChangeHub } from "../live/changes.ts";
import { type EventStream, type Life, streamOf } from "../live/event-stream.ts";
import { LogEvents } from "../live/log-events.ts";
import { tellPromotion } from "../live/promotion.ts";
import { hearOfPulls } from "../live/pull-changes.ts";
import { encodeEvent } from "../live/sse.ts";
import { tellBatches } from "../live/tell-batches.ts";
import { WorkEvents } from "../live/work-events.ts";
import type { ServerParts } from "../model.ts";
import { answerInvalid } from "../problems.ts";
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
const headers = z.object({ "last-event-id": z.string().optional() });
const offset = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();

/** What of a run is told with the changes of all. */
const aboutSchema = z.object({
  run: runIdSchema.optional().openapi({ description: "A run of which more is told than that it changes." }),
  log: offset.openapi({ description: "Its log, from this byte on." }),
  events: offset.openapi({ description: "Its events, from this byte on: those of `events.jsonl`." }),
  promotion: z
    .literal("1")
    .optional()
    .openapi({ description: "That what it promotes has changed: read that anew." }),
  after: z.string().max(40).optional().openapi({
    description: "The id of the last event that came, for a stream that is opened anew.",
  }),
});

/** Milliseconds between two looks at the whole queue, for all who listen together. */
const queueEvery = 500;

/** The routes by which changes are told as they happen: server-sent events. */
export function addLive(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { queue, runs } = parts;
  const hub = new ChangeHub(queue);
  const counted = shared(() => queueDocument(parts).then((document) => JSON.stringify(document)));

  const tellChanges = async (stream: EventStream): Promise<void> => {
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
  };
  const tellEnd = async (id: string, stream: EventStream): Promise<void> => {
    const { state, result } = await queue.read(id);
    stream.tell(encodeEvent({ event: "end", data: JSON.stringify({ state, result }) }));
  };
  /** Tells of a run beside all else that the stream tells. */
  const tellRun = async (id: string, from: Places, stream: EventStream): Promise<void> => {
    const at = { log: from.log ?? 0, events: from.events ?? 0 };
    const telling = (what: keyof typeof at) => ({
      tell: (piece: Uint8Array) => stream.tell(piece),
      idAt: (offset: number) => {
        at[what] = offset;
        return `${at.log}.${at.events}`;
      },
    });
    const tell = (what: keyof typeof at) =>
      tellBatches(
        (onMore) => runs.follow(id, { what, from: at[what], onMore }),
        what === "log" ? new LogEvents(telling(what)) : new WorkEvents(telling(what), from.isTorn),
        stream,
      );
    const told = (["log", "events"] as const).filter((what) => from[what] !== undefined);
    if (told.length === 0) return;
    await whenBegun({ queue, hub }, id, stream.signal, async () => {
      await Promise.all(told.map(tell));
    });
    await tellEnd(id, stream);
  };

  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/events",
    tags: ["live"],
    summary: "Changes of runs, of the queue and of reviews, and what one run writes, as one stream",
    description: `\`run\` with the id and state of a run that has changed; \`queue\` with the queue, twice a second at most; \`review\` with the id of a pull request that has changed, or whose review has; \`reset\` first, and whenever changes may have been missed: read what you show anew.

Of the run that \`run\` names: \`log\` with text as JSON, \`events\` with an array of its events, \`end\` with its state, \`promotion\` when its matrix of images and mirrors is another one. Those have ids: a listener that was cut off goes on behind them (\`Last-Event-ID\`). \`skipped\` and \`skipped-events\` have a number of bytes that the listener was too slow for.`,
    request: { query: aboutSchema, headers },
    responses: stream,
  });
  api.get("/events", async (c) => {
    demand(c, parts, "read");
    const asked = aboutSchema.safeParse(c.req.query());
    if (!asked.success) return answerInvalid(c, "query", asked.error);
    const { run, log, events, promotion, after } = asked.data;
    if (run !== undefined) await queue.read(run);
    const begin = placesIn(c.req.header("last-event-id") ?? after, { log, events });
    return streamOf(c, lifeOf(c, parts), async (stream) => {
      // Before the first `reset`: from then on nothing is missed.
      const tellPulls = await hearOfPulls(parts.db, stream);
      await Promise.all([
        tellChanges(stream),
        tellPulls(),
        run === undefined ? undefined : tellRun(run, begin, stream),
        run === undefined || promotion === undefined ? undefined : tellPromotion(parts.db, run, stream),
      ]);
    });
  });

  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/runs/{id}/log/events",
    tags: ["live"],
    summary: "The log of a run while it is written",
    description:
      "`log` with text as JSON, and the offset behind it as its id; a listener that was cut off goes on there (`Last-Event-ID`, or `from`). `skipped` with a number of bytes that it was too slow for. `end` with the state of the run.",
    request: { params: z.object({ id: runIdSchema }), query: z.object({ from: offset }), headers },
    responses: stream,
  });
  api.get(`/runs/${idInPath}/log/events`, async (c) => {
    demand(c, parts, "read");
    const id = c.req.param("id") ?? "";
    const last = c.req.header("last-event-id") ?? c.req.query("from") ?? "0";
    const from = /^[0-9]{1,15}$/.test(last) ? Number(last) : 0;
    await queue.read(id);
    return streamOf(c, lifeOf(c, parts), async (stream) => {
      const events = new LogEvents({ tell: (piece) => stream.tell(piece), idAt: String });
      await whenBegun({ queue, hub }, id, stream.signal, () =>
        tellBatches((onMore) => runs.follow(id, { from, onMore }), events, stream),
      );
      await tellEnd(id, stream);
    });
  });
}

/** Up to where a listener has what a run has written: bytes of what is told to it. */
interface Places {
  readonly log: number | undefined;
  readonly events: number | undefined;
  /** Whether the place in the events may be somewhere in one. */
  readonly isTorn: boolean;
}

/** Where to go on: behind the last event that came, or where it was asked for. */
function placesIn(last: string | undefined, asked: Omit<Places, "isTorn">): Places {
  const [, log, events] = /^([0-9]{1,15})\.([0-9]{1,15})$/.exec(last ?? "") ?? [];
  if (log === undefined || events === undefined) return { ...asked, isTorn: (asked.events ?? 0) > 0 };
  return {
    log: asked.log === undefined ? undefined : Number(log),
    events: asked.events === undefined ? undefined : Number(events),
    isTorn: false,
  };
}

/** A stream outlives what let it begin: a session that ends, a role that is taken away. */
function lifeOf(c: Asking, parts: ServerParts): Life {
  const { access, stopping } = parts;
  const onProblem = (error: unknown): void => parts.onProblem(error, c.get("requestId"));
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
  return { stopping, mayGoOn, onProblem };
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
