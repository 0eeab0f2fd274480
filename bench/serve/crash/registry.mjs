import { createHash, randomBytes } from "node:crypto";
import { createServer, request as requestTo } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const writing = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * The embedded registry behind a door that asks everybody who he is, notes each request when all of it has come, and passes writes on
 * some milliseconds later: also those of a process that is gone by then, as a registry does.
 */
export async function startLoggedRegistry({ startRegistryServer }, folder, pause) {
  const registry = await startRegistryServer({ dir: folder });
  const upstream = new URL(registry.url);
  const log = [];
  const door = createServer(async (request, response) => {
    try {
      const [, pair] = /^Basic (.+)$/.exec(request.headers.authorization ?? "") ?? [];
      if (pair === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="bench"' }).end();
        return;
      }
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const [who] = Buffer.from(pair, "base64").toString().split(":");
      const noted = { at: Date.now(), who, method: request.method, path: request.url, status: undefined };
      const [, repository, tag] = /^\/v2\/(.+)\/manifests\/([^/?]+)/.exec(request.url) ?? [];
      if (request.method === "PUT" && repository !== undefined) {
        const tags = [tag, ...new URL(request.url, upstream).searchParams.getAll("tag")];
        const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
        Object.assign(noted, { repository, digest, tags: tags.filter((one) => !one.includes(":")) });
      }
      log.push(noted);
      if (writing.has(request.method)) await sleep(pause());
      noted.status = await pass(request, body, response);
    } catch {
      response.destroy();
    }
  });
  const pass = (request, body, response) =>
    new Promise((resolve, reject) => {
      const headers = { ...request.headers, host: upstream.host };
      delete headers["transfer-encoding"];
      if (body.length > 0) headers["content-length"] = body.length;
      const { method, url: path } = request;
      const onward = requestTo({ host: upstream.hostname, port: upstream.port, method, path, headers });
      onward.on("error", reject).on("response", (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
        answer.on("end", () => resolve(answer.statusCode));
      });
      onward.end(body);
    });
  await new Promise((resolve) => door.listen(0, "127.0.0.1", resolve));
  const call = async (method, path, { body, type } = {}) => {
    const headers = type === undefined ? {} : { "content-type": type };
    const answer = await fetch(new URL(path, registry.url), { method, body, headers });
    if (!answer.ok && answer.status !== 404) throw new Error(`${method} ${path}: ${answer.status}`);
    return answer;
  };
  const putBlob = async (repository, bytes) => {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const begun = await call("POST", `/v2/${repository}/blobs/uploads/`);
    const url = new URL(begun.headers.get("location"), registry.url);
    url.searchParams.set("digest", digest);
    await call("PUT", url.href, { body: bytes, type: "application/octet-stream" });
    return { digest, size: bytes.length };
  };
  return {
    host: `127.0.0.1:${door.address().port}`,
    log,
    /** Puts an image that nobody else has. @returns Its digest. */
    async stage(repository) {
      const layer = await putBlob(repository, randomBytes(4096));
      const rootfs = { type: "layers", diff_ids: [layer.digest] };
      const config = await putBlob(
        repository,
        Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", rootfs })),
      );
      const body = JSON.stringify({
        ...{ schemaVersion: 2, mediaType: manifestType },
        config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
        layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }],
      });
      const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
      await call("PUT", `/v2/${repository}/manifests/${digest}`, { body, type: manifestType });
      return digest;
    },
    /** The digest of each tag. */
    async tagsOf(repository) {
      const listed = await call("GET", `/v2/${repository}/tags/list`);
      const { tags = [] } = listed.ok ? await listed.json() : {};
      const found = new Map();
      for (const tag of tags) {
        const head = await call("HEAD", `/v2/${repository}/manifests/${tag}`);
        found.set(tag, head.headers.get("docker-content-digest"));
      }
      return found;
    },
    writes: () => log.filter(({ method }) => writing.has(method)),
    async close() {
      door.closeAllConnections();
      await new Promise((resolve) => door.close(resolve));
      await registry.close(0);
    },
  };
}
