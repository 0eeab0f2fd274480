// Registries that answer the upload protocol right, and neither hash nor keep a byte of a blob: where 22 destinations
// get gigabytes, disks and registries are not what is measured. Manifests are kept, and refused when they refer to what
// was not uploaded. One process serves them all, each at a port of its own.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { kindOf } from "./access-log.mjs";

const count = Number(process.argv[2]);
const sinks = Array.from({ length: count }, () => ({
  requests: {},
  bytes: 0,
  /** `repository digest` of blobs, and `repository reference` → { digest, type, bytes } of manifests. */
  blobs: new Set(),
  manifests: new Map(),
}));
let uploads = 0;

function serve(sink, request, response) {
  const { method, url } = request;
  const kind = kindOf(method, url);
  sink.requests[kind] = (sink.requests[kind] ?? 0) + 1;
  const { pathname, searchParams } = new URL(url, "http://sink");
  const [, repository, subject, reference] =
    /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|tags)\/([^/]*)$/.exec(pathname) ?? [];
  if (subject === undefined) return answer(response, pathname === "/v2/" ? 200 : 404);
  if (subject === "blobs/uploads") return upload(sink, request, response, repository, searchParams);
  if (subject === "manifests" && method === "PUT") {
    return putManifest(sink, request, response, repository, reference);
  }
  request.resume();
  if (subject === "blobs") {
    return answer(response, sink.blobs.has(`${repository} ${reference}`) ? 200 : 404);
  }
  if (subject === "tags") return listTags(sink, response, repository);
  const manifest = sink.manifests.get(`${repository} ${reference}`);
  if (manifest === undefined) return answer(response, 404);
  response.writeHead(200, {
    "content-type": manifest.type,
    "content-length": manifest.bytes.length,
    "docker-content-digest": manifest.digest,
  });
  response.end(method === "HEAD" ? undefined : manifest.bytes);
}

function upload(sink, request, response, repository, parameters) {
  const digest = parameters.get("digest");
  const mounted = parameters.get("mount");
  const from = parameters.get("from");
  uploads += 1;
  const place = `/v2/${repository}/blobs/uploads/${uploads}`;
  const done = (blob) => {
    sink.blobs.add(`${repository} ${blob}`);
    answer(response, 201, { location: `/v2/${repository}/blobs/${blob}`, "docker-content-digest": blob });
  };
  if (mounted !== null && sink.blobs.has(`${from} ${mounted}`)) {
    request.resume();
    return done(mounted);
  }
  let received = 0;
  request.on("data", (chunk) => {
    received += chunk.length;
  });
  request.on("end", () => {
    sink.bytes += received;
    if (digest !== null) return done(digest);
    // A chunk is its upload's only one: nobody who is measured here sends several.
    const range = `0-${Math.max(0, received - 1)}`;
    answer(response, request.method === "DELETE" ? 204 : 202, { location: place, range });
  });
}

async function putManifest(sink, request, response, repository, reference) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const { config, layers = [], manifests = [] } = JSON.parse(bytes.toString());
  const blobs = config === undefined ? layers : [config, ...layers];
  const whole =
    blobs.every(({ digest }) => sink.blobs.has(`${repository} ${digest}`)) &&
    manifests.every(({ digest }) => sink.manifests.has(`${repository} ${digest}`));
  if (!whole) return answer(response, 400);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const manifest = { digest, type: request.headers["content-type"], bytes };
  sink.manifests.set(`${repository} ${digest}`, manifest);
  sink.manifests.set(`${repository} ${reference}`, manifest);
  answer(response, 201, {
    location: `/v2/${repository}/manifests/${digest}`,
    "docker-content-digest": digest,
  });
}

function listTags(sink, response, repository) {
  const names = [...sink.manifests.keys()].filter((key) => key.startsWith(`${repository} `));
  const tags = names.map((key) => key.slice(repository.length + 1)).filter((name) => !name.includes(":"));
  if (names.length === 0) return answer(response, 404);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ name: repository, tags }));
}

function answer(response, status, headers = {}) {
  response.writeHead(status, { "content-length": 0, ...headers });
  response.end();
}

const addresses = await Promise.all(
  sinks.map(async (sink) => {
    const server = createServer({ highWaterMark: 256 * 1024, requestTimeout: 0 }, (request, response) => {
      void serve(sink, request, response);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${server.address().port}`;
  }),
);
process.on("message", () => process.send(sinks.map(({ requests, bytes }) => ({ requests, bytes }))));
process.on("disconnect", () => process.exit());
process.send({ addresses });
