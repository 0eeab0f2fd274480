// Trouble between a client and a registry: an HTTP proxy that injures some of the requests, by their fates, and cuts
// connections where it is told to. It streams, and counts what it does. It is a process of its own, so that neither the
// client nor the registry waits for it.
//
// Its one argument is JSON: `to`, the registry; `seed` and `share` of the fates; `cuts`, of bodies in the direction `up`
// (to the registry) or `down`: at how many bytes, of all bodies together, the connection is reset that brings them.
import { Agent, createServer, request as httpRequest } from "node:http";
import { openFates } from "./fates.mjs";

const { to, seed = "", share = 0, cuts = {} } = JSON.parse(process.argv[2]);
const [host, port] = to.split(":");
const agent = new Agent({ keepAlive: true, noDelay: true });
const fateOf = openFates(seed, share);
const cutsLeft = { up: [...(cuts.up ?? [])], down: [...(cuts.down ?? [])] };
const counters = {
  requests: 0,
  injured: {},
  body: { up: 0, down: 0 },
  closed: { up: 0, down: 0 },
  lastUpAt: 0,
};
const sockets = new Set();
let entrance = 0;

const server = createServer({ noDelay: true, requestTimeout: 0, highWaterMark: 256 * 1024 }, pass);
server.on("connection", (socket) => {
  sockets.add(socket);
  socket.once("close", () => {
    sockets.delete(socket);
    counters.closed.up += socket.bytesRead;
    counters.closed.down += socket.bytesWritten;
  });
});

function injure(kind) {
  counters.injured[kind] = (counters.injured[kind] ?? 0) + 1;
}

function pass(request, response) {
  const { method, url, headers, socket } = request;
  counters.requests += 1;
  counters.lastUpAt = Date.now();
  const fate = fateOf(method, url, Number(headers["content-length"] ?? 0));
  const refused = /^\d{3}/.exec(fate?.kind ?? "")?.[0];
  if (refused !== undefined) return refuse(request, response, Number(refused), fate.kind);
  if (fate?.kind === "reset") {
    injure(fate.kind);
    return socket.resetAndDestroy();
  }
  const outgoing = httpRequest({ host, port, method, path: url, headers, agent });
  const breakOff = { reset: () => socket.resetAndDestroy(), truncated: () => socket.destroySoon() };
  const end = (manner) => {
    breakOff[manner]();
    outgoing.destroy();
  };
  // What the registry does to its connection, it does to the client's.
  outgoing.on("error", () => socket.destroyed || end("reset"));
  response.on("close", () => response.writableFinished || outgoing.destroy());
  request.on("error", () => outgoing.destroy());
  carry(request, outgoing, "up", injuryOf(fate, "request", headers), end);
  outgoing.on("response", (incoming) => {
    if (fate?.kind === "answer lost") {
      injure(fate.kind);
      return end("reset");
    }
    incoming.on("error", () => socket.destroyed || end("reset"));
    response.writeHead(incoming.statusCode, incoming.rawHeaders);
    const isWhole = incoming.statusCode === 200 || incoming.statusCode === 206;
    carry(incoming, response, "down", injuryOf(isWhole ? fate : undefined, "answer", incoming.headers), end);
  });
}

function refuse(request, response, status, kind) {
  injure(kind);
  request.resume();
  const wait = kind.endsWith("Retry-After") ? { "retry-after": "1" } : {};
  response.writeHead(status, { "content-type": "text/plain", ...wait });
  response.end(`trouble: ${kind}\n`);
}

/** An injury of a body, if that is the fate: what is done to it, and before which of its bytes. */
function injuryOf(fate, body, headers) {
  const [manner, where] = /^(\w+)(?: in)? (request|answer)$/.exec(fate?.kind ?? "")?.slice(1) ?? [];
  const length = Number(headers["content-length"] ?? 0);
  if (where !== body || length === 0) return undefined;
  return { ...fate, manner, at: Math.floor(fate.before * length) };
}

/** Passes a body on, injured or not; `end` ends both connections. */
function carry(from, to, direction, injury, end) {
  let position = 0;
  let over = false;
  const breakOff = (kind, manner, bytes) => {
    over = true;
    injure(kind);
    to.write(bytes, () => end(manner));
  };
  from.on("data", (chunk) => {
    if (over) return;
    const cut = cutIn(direction, chunk.length);
    const index = injury === undefined ? -1 : injury.at - position;
    const isHere = index >= 0 && index < chunk.length;
    const passed = cut ?? (isHere && injury.manner !== "corrupted" ? index : chunk.length);
    position += passed;
    counters.body[direction] += passed;
    if (direction === "up") counters.lastUpAt = Date.now();
    if (cut !== undefined) return breakOff("cut", "reset", chunk.subarray(0, cut));
    if (isHere && injury.manner !== "corrupted")
      return breakOff(injury.kind, injury.manner, chunk.subarray(0, index));
    if (isHere) {
      injure(injury.kind);
      chunk[index] ^= injury.flip;
    }
    if (!to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => over || to.end());
}

/** How many bytes of a chunk pass before the next cut, if it is due within them. */
function cutIn(direction, length) {
  const [next] = cutsLeft[direction];
  if (next === undefined || counters.body[direction] + length <= next) return undefined;
  cutsLeft[direction].shift();
  return Math.max(0, next - counters.body[direction]);
}

function seen() {
  const bytes = { ...counters.closed };
  for (const socket of sockets) {
    bytes.up += socket.bytesRead;
    bytes.down += socket.bytesWritten;
  }
  return { ...counters, bytes };
}

const orders = {
  /** Refuses connections from now on, and breaks those there are. */
  async close() {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  },
  /** Takes connections again, where it did before. */
  open: listen,
  async counters() {},
};

function listen() {
  return new Promise((resolve) =>
    server.listen(entrance, "127.0.0.1", () => {
      entrance = server.address().port;
      resolve();
    }),
  );
}

process.on("message", async ({ ask }) => {
  await orders[ask]();
  process.send(seen());
});
process.on("disconnect", () => process.exit());
await listen();
process.send({ address: `127.0.0.1:${entrance}` });
