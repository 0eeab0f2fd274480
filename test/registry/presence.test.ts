import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { failureRecord } from "../../src/errors/index.ts";
import { Presence, type PresenceOptions, Unanswered } from "../../src/http/failure/presence.ts";
import { HostAway } from "../../src/http/failure/transient.ts";
import { defaultTiming } from "../../src/http/timing.ts";
import { digestOf, mediaTypes, parseTag } from "../../src/oci/index.ts";
import { RegistryError } from "../../src/registry/errors.ts";
import type { RegistryEvent } from "../../src/registry/index.ts";
import { clientOf } from "../support/registry-client.ts";
import { answer, type Script, startScriptedServer } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const index = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);
const serveIndex: Script = (_, response) =>
  answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);

function clientFor(...args: Parameters<typeof clientOf>) {
  const client = clientOf(...args);
  onTestFinished(client.close);
  return client;
}

/** A server of bare connections. */
async function serveSockets(
  connected: (socket: Socket) => void,
): Promise<{ host: string; count: () => number }> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    count += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    connected(socket);
  });
  const port = await listen(server, 0);
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${port}`, count: () => count };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0);
  server.close();
  await once(server, "close");
  return port;
}

const fast = { timing: { firstBackoff: 20, maxBackoff: 40 } };
const asTag = ({ url }: { url: string }) => url.replace("/v2/", "").split("/manifests/")[0];

const paths = Array.from({ length: 30 }, (_, number) => `team/app-${number}`);

describe("a host that is not there", () => {
  /** A presence that counts what is sent, and answers once that is allowed. */
  function presenceOf(options: Partial<PresenceOptions> = {}) {
    let sent = 0;
    let isUp = false;
    const presence = new Presence({
      ...{ host: "dead.test", timing: { ...defaultTiming, firstBackoff: 1 }, retries: 5 },
      explain: (_, { where, host }) =>
        new RegistryError("unreachable", "it refuses connections", { where, host }),
      ...{ isBusyElsewhere: () => false, onChange: () => {}, ...options },
    });
    onTestFinished(async () => presence.close());
    const ask = async (where: string): Promise<string> => {
      for (;;) {
        try {
          return await presence.carry({ where }, async () => {
            sent += 1;
            await new Promise((done) => setImmediate(done));
            if (isUp) return where;
            throw new Unanswered({ kind: "unreachable", code: "", reason: "", cause: undefined });
          });
        } catch (error) {
          if (!(error instanceof HostAway)) throw error;
        }
      }
    };
    return {
      ask,
      sent: () => sent,
      start: () => {
        isUp = true;
      },
      stop: () => {
        isUp = false;
      },
    };
  }

  it("is asked twice for all who ask, who fail alike", async () => {
    const { ask, sent } = presenceOf({ timing: { ...defaultTiming, firstBackoff: 100 } });
    const ends = await Promise.allSettled(paths.map(ask));
    const records = ends.map((end) => (end.status === "rejected" ? failureRecord(end.reason) : undefined));
    expect(records).toEqual(
      paths.map((where) => ({
        ...{ code: "unreachable", message: "it refuses connections", where, host: "dead.test" },
      })),
    );
    expect(sent()).toBe(2);
    await expect(ask("later")).rejects.toMatchObject({ where: "later", host: "dead.test" });
  });

  it("is waited for as long as others have work, and goes on when it is there", async () => {
    const changes: string[] = [];
    const { ask, sent, start } = presenceOf({
      isBusyElsewhere: () => true,
      onChange: ({ type }) => {
        changes.push(type);
        if (type === "away") start();
      },
    });
    expect(await Promise.all(paths.map(ask))).toEqual(paths);
    expect(changes).toEqual(["away", "back"]);
    expect(sent()).toBeLessThan(paths.length + 20);
  });

  it("is asked as often as the settings allow, when it has been there before", async () => {
    const { ask, sent, start, stop } = presenceOf({ retries: 3 });
    start();
    await ask("first");
    stop();
    await Promise.allSettled(paths.map(ask));
    // All that were under way then have found it out, and three more.
    expect(sent()).toBe(1 + paths.length + 3);
  });
});

describe("a registry that cannot be reached", () => {
  const recordsOf = (ends: readonly PromiseSettledResult<unknown>[]) =>
    ends.map((end) => {
      const { where, repository, ...record } = failureRecord(
        end.status === "rejected" ? end.reason : undefined,
      );
      return record;
    });

  it("is found out with a few requests for all, when it does not speak HTTP", async () => {
    const server = await serveSockets((socket) => socket.write("SSH-2.0-OpenSSH\r\n"));
    const { repository } = clientFor(server.host, { timing: { firstBackoff: 60_000 } });
    const records = recordsOf(await Promise.allSettled(paths.map((path) => repository(path).fetch(v1))));
    expect(records.at(-1)).toMatchObject({ code: "unexpected-response", host: server.host });
    // One of them asks whether it wants TLS.
    expect(server.count()).toBe(5);
  });

  it("is found out with one connection for all, when it never answers", async () => {
    const server = await serveSockets(() => {});
    const { repository } = clientFor(server.host, { timing: { answer: 500, firstBackoff: 60_000 } });
    const records = recordsOf(await Promise.allSettled(paths.map((path) => repository(path).fetch(v1))));
    expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
    expect(records[0]).toMatchObject({ code: "timeout", host: server.host });
    expect(server.count()).toBe(1);
  });

  it("is back in the middle of the work of others, and what waited for it goes on", async () => {
    const live = await startScriptedServer(serveIndex);
    onTestFinished(live.close);
    const port = await deadPort();
    const events: RegistryEvent[] = [];
    const client = clientFor(live.host, {
      timing: { firstBackoff: 500 },
      listener: (event) => events.push(event),
    });
    let isOver = false;
    const waiting = Promise.all(
      paths.map((path) => client.repositoryAt(`127.0.0.1:${port}`, path).fetch(v1)),
    ).finally(() => {
      isOver = true;
    });
    let back: Promise<void> | undefined;
    while (!isOver) {
      await client.repository().fetch(v1);
      if (back === undefined && events.some(({ type }) => type === "away")) back = restart();
    }
    async function restart(): Promise<void> {
      const server = await startScriptedServer(serveIndex, port);
      onTestFinished(server.close);
    }
    await back;
    const digests = (await waiting).map((document) => document?.descriptor.digest);
    expect(digests).toEqual(paths.map(() => digestOf(index)));
    expect(events.filter(({ type }) => type === "away" || type === "back")).toMatchObject([
      { type: "away", host: `127.0.0.1:${port}`, failure: { code: "unreachable" } },
      { type: "back", host: `127.0.0.1:${port}` },
    ]);
  });
});

describe("a host that hangs up", () => {
  it("is not asked for a client certificate's sake, when it was spoken to in plain HTTP", async () => {
    const { host } = await serveSockets((socket) => socket.destroy());
    const client = clientFor(host, { settings: { retries: 0 } });
    await expect(client.repository().resolve(v1)).rejects.toMatchObject({
      code: "unreachable",
      hint: expect.not.stringContaining("certificate"),
    });
  });
});

describe("a host that answers all that it is asked with a server's error", () => {
  const settled = (client: ReturnType<typeof clientOf>) =>
    Promise.allSettled(paths.map((path) => client.repository(path).fetch(v1)));

  it.each([500, 502, 503, 504, 521])("is found out with a few requests for all (%i)", async (status) => {
    const server = await startScriptedServer((_, response) => answer(response, status));
    onTestFinished(server.close);
    const results = await settled(clientFor(server.host, fast));
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(failures).toHaveLength(paths.length);
    expect(failures.every(({ code }) => code === "server-error")).toBe(true);
    expect(failures.filter(({ host }) => host === server.host).length).toBeGreaterThan(paths.length / 2);
    expect(server.seen.length).toBeLessThan(20);
  });

  it("is waited for by all, and they go on when it is well again", async () => {
    const server = await startScriptedServer((request, response, url) =>
      server.seen.length <= 7 ? answer(response, 503) : serveIndex(request, response, url),
    );
    onTestFinished(server.close);
    const events: RegistryEvent[] = [];
    const client = clientFor(server.host, { ...fast, listener: (event) => events.push(event) });
    const results = await settled(client);
    expect(results.every(({ status }) => status === "fulfilled")).toBe(true);
    expect(server.seen.length).toBe(paths.length + 7);
    expect(events.filter(({ type }) => type === "back")).toHaveLength(1);
  });

  it("holds up nobody where it does so for some things alone", async () => {
    const broken = paths.slice(0, 3);
    const server = await startScriptedServer((request, response, url) =>
      broken.some((path) => url.pathname.startsWith(`/v2/${path}/`))
        ? answer(response, 503)
        : serveIndex(request, response, url),
    );
    onTestFinished(server.close);
    const results = await settled(clientFor(server.host, { ...fast, settings: { retries: 2 } }));
    const refused = results.flatMap(({ status }, at) => (status === "rejected" ? [paths[at]] : []));
    expect(refused).toEqual(broken);
    for (const path of paths) {
      const count = server.seen.filter((request) => asTag(request) === path).length;
      expect([path, count]).toEqual([path, broken.includes(path) ? 3 : 1]);
    }
  });

  it("is its token service, behind an origin that answers", async () => {
    const server = await startScriptedServer((request, response, url) => {
      if (url.pathname === "/token") return answer(response, 503);
      const realm = `http://${request.headers.host}/token`;
      answer(response, 401, { "www-authenticate": `Bearer realm="${realm}",service="r"` });
    });
    onTestFinished(server.close);
    const results = await settled(clientFor(server.host, fast));
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    const asked = server.seen.filter(({ url }) => url.startsWith("/token"));
    expect(asked.length).toBeLessThan(20);
  });
});
