// Registries that answer from a table what they hold, and count what they are asked: `HEAD` of tags and digests, and
// lists of tags, plain or with Google's extension. The table's file has { hosts: [{ name, repositories }], extended },
// with repositories by path, each tag → digest.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { kindOf } from "./access-log.mjs";

const { hosts, extended } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const mediaType = "application/vnd.oci.image.index.v1+json";

function listing(path, tags, repositories) {
  const plain = { name: path, tags: Object.keys(tags) };
  if (!extended) return JSON.stringify(plain);
  const manifest = {};
  for (const [tag, digest] of Object.entries(tags)) {
    manifest[digest] ??= { imageSizeBytes: "0", layerId: "", mediaType, tag: [], timeUploadedMs: "0" };
    manifest[digest].tag.push(tag);
  }
  const below = Object.keys(repositories).filter((other) => other.startsWith(`${path}/`));
  const child = [...new Set(below.map((other) => other.slice(path.length + 1).split("/", 1)[0]))];
  return JSON.stringify({ child, manifest, ...plain });
}

function answerFrom({ repositories, requests }) {
  const digests = new Map(
    Object.entries(repositories).map(([path, tags]) => [path, new Set(Object.values(tags))]),
  );
  return ({ method, url }, response) => {
    const kind = kindOf(method, url);
    requests[kind] = (requests[kind] ?? 0) + 1;
    const [, path, subject, reference] = /^\/v2\/(.+)\/(manifests|tags)\/([^/?]+)/.exec(url) ?? [];
    const tags = repositories[path];
    const digest = digests.get(path)?.has(reference) ? reference : tags?.[reference];
    if (url === "/v2/") return answer(response, 200);
    if (subject === "tags" && tags !== undefined) {
      response.writeHead(200, { "content-type": "application/json" });
      return response.end(listing(path, tags, repositories));
    }
    if (subject === "manifests" && digest !== undefined && method === "HEAD") {
      response.writeHead(200, {
        "content-type": mediaType,
        "content-length": 1000,
        "docker-content-digest": digest,
      });
      return response.end();
    }
    answer(response, 404);
  };
}

function answer(response, status) {
  response.writeHead(status, { "content-length": 0 });
  response.end();
}

const served = hosts.map(({ name, repositories }) => ({ name, repositories, requests: {} }));
const addresses = await Promise.all(
  served.map(async (host) => {
    const server = createServer({ keepAliveTimeout: 60_000 }, answerFrom(host));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return [host.name, `127.0.0.1:${server.address().port}`];
  }),
);
process.on("message", () => process.send(served.map(({ name, requests }) => ({ name, requests }))));
process.on("disconnect", () => process.exit());
process.send({ addresses });
