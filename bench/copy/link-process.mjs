// One link between a client and a registry: a TCP proxy that makes it long, thin, or only counts what passes. It is a
// process of its own, so that neither the client nor the registry waits for it.
//
// A chunk arrives half a round trip after it was sent, and never overtakes another. The first bytes of a connection
// arrive a round trip later still: that is the handshake, which a proxy on the same machine answers at once. All
// connections of a link share its rate, one for each direction. What is under way on a connection is bounded, as TCP's
// window bounds it.
import { connect, createServer } from "node:net";

const shape = JSON.parse(process.argv[2]);
const oneWay = (shape.roundTripMs ?? 0) / 2;
const bytesPerMs = shape.bitsPerSecond === undefined ? Number.POSITIVE_INFINITY : shape.bitsPerSecond / 8000;
const windowBytes = shape.bitsPerSecond === undefined ? 4 * 2 ** 20 : 256 * 1024;
const [host, port] = shape.to.split(":");

const nothing = { up: 0, down: 0, connections: 0, firstAt: 0, lastAt: 0, manifestAt: 0 };
const counters = { ...nothing };
const samples = [];
const free = { up: 0, down: 0 };

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  counters.connections += 1;
  const accepted = performance.now();
  const registry = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
  carry(client, registry, "up", accepted + 2 * oneWay);
  carry(registry, client, "down", accepted);
  for (const [one, other] of [
    [client, registry],
    [registry, client],
  ]) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroySoon());
  }
});

/** Carries what one socket reads to the other, each chunk at its time. */
function carry(from, to, direction, opens) {
  const queue = [];
  let held = 0;
  let timer;
  const deliver = () => {
    timer = undefined;
    while (queue.length > 0 && queue[0].at <= performance.now() + 0.5) {
      const { chunk } = queue.shift();
      if (chunk === undefined) {
        to.end();
        return;
      }
      held -= chunk.length;
      counters[direction] += chunk.length;
      counters.lastAt = Date.now();
      if (putsManifest(chunk)) counters.manifestAt = counters.lastAt;
      if (!to.write(chunk)) {
        to.once("drain", next);
        break;
      }
    }
    if (!to.writableNeedDrain) next();
    if (held < windowBytes) from.resume();
  };
  const next = () => {
    if (timer !== undefined || queue.length === 0) return;
    const wait = queue[0].at - performance.now();
    if (wait <= 0.5 && oneWay === 0) deliver();
    else timer = setTimeout(deliver, Math.max(0, wait));
  };
  const hold = (chunk) => {
    const ready = Math.max(performance.now(), opens);
    free[direction] = Math.max(free[direction], ready) + (chunk?.length ?? 0) / bytesPerMs;
    queue.push({ chunk, at: free[direction] + oneWay });
    held += chunk?.length ?? 0;
    counters.firstAt ||= Date.now();
    if (held >= windowBytes) from.pause();
    if (timer === undefined && !to.writableNeedDrain) next();
  };
  from.on("data", hold);
  from.on("end", () => hold(undefined));
}

/** Whether a request to put a manifest begins here: a client sends its first line in one piece. */
function putsManifest(chunk) {
  const text = chunk.subarray(0, 512).toString("latin1");
  return text.startsWith("PUT /v2/") && text.slice(0, text.indexOf("\r\n")).includes("/manifests/");
}

let sampling;
process.on("message", ({ ask }) => {
  if (ask === "begin") {
    Object.assign(counters, nothing);
    samples.length = 0;
    clearInterval(sampling);
    if (shape.sampleMs !== undefined) {
      sampling = setInterval(() => samples.push([Date.now(), counters.up, counters.down]), shape.sampleMs);
    }
  }
  process.send({ ...counters, samples });
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send({ address: `127.0.0.1:${server.address().port}` }));
