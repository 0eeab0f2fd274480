// A registry with a quota: an HTTP proxy that lets so many requests a second through and answers 429 to the others,
// with `Retry-After: 1`, as large registries do.
import { Agent, createServer, request as httpRequest } from "node:http";

const { to, perSecond } = JSON.parse(process.argv[2]);
const [host, port] = to.split(":");
const agent = new Agent({ keepAlive: true, noDelay: true });
/** What may come at once: what a second lets through. */
const burst = perSecond;

const bucket = { tokens: burst, at: 0 };
const counters = { passed: 0, refused: 0, firstAt: 0, lastAt: 0 };

function admit() {
  const now = performance.now();
  bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

const server = createServer({ noDelay: true }, (request, response) => {
  if (!admit()) {
    counters.refused += 1;
    request.resume();
    response.writeHead(429, { "retry-after": "1", "content-length": 0 });
    return response.end();
  }
  counters.passed += 1;
  counters.firstAt ||= Date.now();
  counters.lastAt = Date.now();
  const { method, url, headers } = request;
  const outgoing = httpRequest({ host, port, method, path: url, headers, agent }, (incoming) => {
    response.writeHead(incoming.statusCode, incoming.rawHeaders);
    incoming.pipe(response);
  });
  outgoing.on("error", () => response.destroy());
  request.pipe(outgoing);
});
process.on("message", ({ ask }) => {
  if (ask === "begin") {
    Object.assign(counters, { passed: 0, refused: 0, firstAt: 0, lastAt: 0 });
    Object.assign(bucket, { tokens: burst, at: performance.now() });
  }
  process.send({ ...counters, perSecond, burst });
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send({ address: `127.0.0.1:${server.address().port}` }));
