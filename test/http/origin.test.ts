import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { WaybillError } from "../../src/errors/index.ts";
import { readBeginning } from "../../src/http/body.ts";
import {
  defaultTiming,
  type Kinds,
  type OriginEvent,
  type OriginRequest,
  openOrigin,
  RateLimiter,
  type RateLimitOf,
  type Timing,
} from "../../src/http/index.ts";
import { answer, type Script, serve, startScriptedServer } from "../support/scripted-server.ts";

type Asked = "read" | "write";
const kinds: Kinds<Asked> = { read: { operation: "read" }, write: { operation: "write", isOnce: true } };

/** Somebody who asks an origin, and knows nothing of registries. */
function openFor(
  { host, origin: address }: { readonly host: string; readonly origin: string },
  options: {
    readonly timing?: Partial<Timing>;
    readonly isExpected?: boolean;
    readonly signal?: AbortSignal;
    readonly rateLimiters?: readonly RateLimitOf<Asked>[];
    readonly beforeWrite?: () => Promise<void>;
  } = {},
) {
  const { timing, ...rest } = options;
  const events: OriginEvent<Asked>[] = [];
  const origin = openOrigin<Asked>({
    ...{ kinds, limit: 4, retries: 3, maxRedirects: 2, environment: {} },
    endpoint: { host, origin: new URL(address), loopbackOnly: false },
    timing: { ...defaultTiming, firstBackoff: 1, maxBackoff: 2, ...timing },
    explain: ({ kind }, { where, host }) => new WaybillError(kind, `${kind} at ${host}`, { where }),
    authorize: (_, send) => send("Bearer s3cret"),
    judge: ({ status }) =>
      status === 503 ? { reason: "busy", fault: "busy", retryAfter: undefined, isNotYet: false } : undefined,
    listener: (event) => void events.push(event),
    ...rest,
  });
  onTestFinished(() => origin.close());
  const ask = (kind: Asked, path = "/", more: Partial<OriginRequest<Asked>> = {}, limit?: number) =>
    origin.send(
      {
        ...{ kind, method: kind === "read" ? "GET" : "POST", where: path, url: new URL(path, address) },
        ...more,
      },
      limit,
    );
  return { origin, ask, events };
}

describe("the policy of an origin", () => {
  it("tells a write that is sent on as a write", async () => {
    const server = await serve((_, response, url) =>
      url.pathname === "/" ? answer(response, 307, { location: "/moved" }) : answer(response, 200),
    );
    const { ask, events } = openFor(server);
    expect((await ask("write", "/", { follow: "own-origin" })).status).toBe(200);
    expect(events.map((event) => "kind" in event && event.kind)).toEqual(["write", "write"]);
  });

  it("asks again for what may pass, and says so", async () => {
    const server = await serve((_, response) => answer(response, server.seen.length < 3 ? 503 : 200));
    const { ask, events } = openFor(server);
    expect((await ask("read")).status).toBe(200);
    expect(events.filter(({ type }) => type === "retry")).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });

  it.each([
    ["hangs up", (request) => request.socket.destroy()],
    ["never answers", () => {}],
  ] satisfies [string, Script][])("sends nothing twice that may do harm, where one %s", async (_, script) => {
    const server = await serve(script);
    const { ask } = openFor(server, { timing: { answer: 50 }, isExpected: true });
    const body = async () => "do it";
    await expect(ask("write", "/", { body })).rejects.toMatchObject({ where: "/" });
    expect(server.seen).toHaveLength(1);
    await expect(ask("read", "/again")).rejects.toThrow();
    expect(server.seen.length).toBeGreaterThan(2);
  });

  it("lets nothing out any more once it is closed, and has nobody wait for that", async () => {
    const server = await serve((_, response) => answer(response, 200));
    const hourly = { kinds: undefined, limiter: new RateLimiter({ requests: 1, milliseconds: 3_600_000 }) };
    const { origin, ask } = openFor(server, { rateLimiters: [hourly] });
    await ask("read");
    const waiting = ask("read");
    const ended = expect(waiting).rejects.toMatchObject({ code: "ended" });
    await origin.close();
    await ended;
    await expect(ask("write")).rejects.toMatchObject({ code: "ended" });
    expect(server.seen).toHaveLength(1);
  });

  it("lets nothing out either that had its turn, and whose body came when it was closed", async () => {
    const server = await serve((_, response) => answer(response, 200));
    const { origin, ask } = openFor(server);
    const body = async () => {
      await origin.close();
      return Buffer.from("late");
    };
    await expect(ask("write", "/", { body })).rejects.toMatchObject({ code: "ended" });
    expect(server.seen).toHaveLength(0);
  });

  describe("asks for the leave to write", () => {
    const noLeave = new WaybillError("interrupted", "it is another's by now");
    /** Connections that are made from here on. */
    const onConnection = (connected: () => void) => {
      const watch = (message: unknown) => {
        const { socket } = message as { readonly socket: Socket };
        socket.once("connect", connected);
      };
      subscribe("net.client.socket", watch);
      onTestFinished(() => void unsubscribe("net.client.socket", watch));
    };

    it("once it is connected: nothing is sent when it has none any more", async () => {
      const server = await serve((_, response) => answer(response, 200));
      let mayWrite = true;
      onConnection(() => {
        mayWrite = false;
      });
      const beforeWrite = async () => {
        if (!mayWrite) throw noLeave;
      };
      const { ask } = openFor(server, { beforeWrite });
      await expect(ask("write", "/", { body: async () => "late" })).rejects.toBe(noLeave);
      expect((await ask("read")).status).toBe(200);
      expect(server.seen).toMatchObject([{ method: "GET" }]);
    });

    it("before each piece of a stream: the rest is not sent when it has none any more", async () => {
      const whole: boolean[] = [];
      const server = await serve((request) => {
        request.resume().once("close", () => whole.push(request.complete));
      });
      let asked = 0;
      const beforeWrite = async () => {
        asked += 1;
        if (asked === 3) throw noLeave;
      };
      const { ask } = openFor(server, { beforeWrite });
      const body = async () => Readable.from([Buffer.from("one"), Buffer.from("two")]);
      await expect(ask("write", "/", { body })).rejects.toBe(noLeave);
      await expect.poll(() => whole).toEqual([false]);
    });
  });

  it("sends again what was refused for a moment, whatever it is", async () => {
    const server = await serve((_, response) => answer(response, server.seen.length < 2 ? 503 : 201));
    expect((await openFor(server).ask("write")).status).toBe(201);
  });

  it("waits for who is known to be there, and not for who may never have been", async () => {
    const gone = await startScriptedServer(() => {});
    await gone.close();
    for (const [isExpected, pauses] of [
      [false, 0],
      [true, 1],
    ] as const) {
      const { ask, events } = openFor(gone, { isExpected });
      await expect(ask("read")).rejects.toMatchObject({ code: "unreachable" });
      expect(events.filter(({ type }) => type === "away")).toHaveLength(pauses);
    }
  });

  it("follows redirects with its credential at home alone, and so far", async () => {
    const elsewhere = await serve(({ headers }, response) =>
      answer(response, 200, {}, `${headers.authorization}`),
    );
    const server = await serve((request, response, url) => {
      const location = {
        "/away": `${elsewhere.origin}/`,
        "/home": "/there",
        "/round": "/round",
      }[url.pathname];
      if (location !== undefined) return answer(response, 302, { location });
      answer(response, 200, {}, `${request.headers.authorization}`);
    });
    const { ask } = openFor(server);
    const read = async (path: string, follow: OriginRequest<Asked>["follow"]) => {
      const { status, bytes } = await ask("read", path, follow === undefined ? {} : { follow });
      return `${status} ${Buffer.from(bytes).toString()}`.trim();
    };
    expect(await read("/home", true)).toBe("200 Bearer s3cret");
    expect(await read("/away", true)).toBe("200 undefined");
    expect(await read("/away", "own-origin")).toBe("302");
    expect(await read("/home", undefined)).toBe("302");
    await expect(read("/round", true)).rejects.toMatchObject({ code: "too-many-redirects" });
  });

  it("takes no more than it was told to of an answer", async () => {
    const server = await serve((_, response) => answer(response, 200, {}, "x".repeat(100)));
    const { ask } = openFor(server);
    expect((await ask("read", "/", {}, 100)).bytes).toHaveLength(100);
    await expect(ask("read", "/", {}, 99)).rejects.toMatchObject({ code: "too-large" });
  });

  it("gives a success as a stream, which keeps its permit", async () => {
    const server = await serve((_, response) => answer(response, 200, {}, "bytes"));
    const { origin } = openFor(server);
    const url = new URL(server.origin);
    const found = await origin.open({ kind: "read", method: "GET", url, where: "x" });
    if (!("body" in found)) throw new Error("it is no stream");
    expect((await readBeginning(found.body, 100)).toString()).toBe("bytes");
  });

  it("ends with the reason of a signal, whatever it is at, and asks nothing after that", async () => {
    const ending = new AbortController();
    const reason = new Error("that is enough");
    const server = await serve(() => ending.abort(reason));
    const { ask } = openFor(server, { signal: ending.signal });
    await expect(ask("read")).rejects.toBe(reason);
    await expect(ask("read")).rejects.toBe(reason);
    expect(server.seen).toHaveLength(1);
  });
});
