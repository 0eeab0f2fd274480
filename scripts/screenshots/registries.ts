import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { PromoterManifest } from "../../src/manifest/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";

/** Registries by their real names, behind a proxy on this machine. */
export interface ProxiedRegistries {
  /** To be named as `HTTP_PROXY`. */
  readonly proxy: string;
  /** All hosts that manifests name. */
  readonly hosts: readonly string[];
  /** An embedded registry that holds what was pushed; repositories are `host/path` there. */
  readonly pushed: string;
  /** Lets a host answer with this status from now on, or as usual. */
  fail(host: string, status: number | undefined): void;
  close(): Promise<void>;
}

/** Tag → digest. */
type Tags = Map<string, string>;

const mediaType = "application/vnd.oci.image.index.v1+json";

/**
 * Registries that hold what promoter manifests ask for, by name: of these images there are digests and no content. What is pushed is
 * kept for real, by an embedded registry.
 * @param otherThan Tags of a repository that stand elsewhere than they should, and where.
 */
export async function startRegistries(
  folder: string,
  manifests: readonly PromoterManifest[],
  otherThan: (
    repository: string,
    tags: ReadonlyMap<string, string>,
  ) => ReadonlyMap<string, string> | undefined,
): Promise<ProxiedRegistries> {
  const held = new Map<string, Tags>();
  const hosts = new Set<string>();
  for (const { source, destinations, images } of manifests) {
    const byName = new Map<string, Tags>();
    for (const { name, digests } of images) {
      const tags = byName.get(name) ?? new Map();
      byName.set(name, tags);
      for (const { digest, tags: named } of digests) for (const { tag } of named) tags.set(tag, digest);
    }
    for (const place of [source, ...destinations]) {
      hosts.add(place.name.split("/", 1)[0] ?? "");
      for (const [name, tags] of byName) {
        const repository = `${place.name}/${name}`;
        const other = place === source ? undefined : otherThan(repository, tags);
        // Most mirrors have them alike, and share one.
        const own = other === undefined ? tags : new Map([...tags, ...other]);
        const known = held.get(repository);
        held.set(repository, known === undefined ? own : new Map([...known, ...own]));
      }
    }
  }
  const failing = new Map<string, number>();
  const store = await startRegistryServer({ dir: folder });

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const host = url.host.replace(/:80$/, "");
    const status = failing.get(host);
    if (status !== undefined) {
      end(response, status);
      return;
    }
    const [, path = "", subject = "", rest = ""] =
      /^\/v2\/(.+?)\/(manifests|blobs|tags|referrers)\/(.+)$/.exec(url.pathname) ?? [];
    const repository = `${host}/${path}`;
    const tags = held.get(repository);
    if (url.pathname === "/v2/") {
      end(response, 200);
      return;
    }
    if (subject === "tags" && tags !== undefined) {
      json(response, listing(path, tags));
      return;
    }
    const digest = tags?.get(rest) ?? ([...(tags?.values() ?? [])].includes(rest) ? rest : undefined);
    const isPushed = digest !== undefined && pushed.has(`${repository}@${digest}`);
    if (subject === "manifests" && request.method === "HEAD" && digest !== undefined && !isPushed) {
      response.writeHead(200, {
        ...{ "content-type": mediaType, "content-length": 1000, "docker-content-digest": digest },
      });
      response.end();
      return;
    }
    forward(request, response, url, host);
  };
  const pushed = new Set<string>();

  const forward = (request: IncomingMessage, response: ServerResponse, url: URL, host: string): void => {
    const inStore = new URL(
      `http://${store.address}/v2/${host}${url.pathname.slice("/v2".length)}${url.search}`,
    );
    const from = inStore.searchParams.get("from");
    if (from !== null) inStore.searchParams.set("from", `${host}/${from}`);
    const { host: _, ...headers } = request.headers;
    const asked = httpRequest(inStore, { method: request.method, headers }, (found) => {
      const { location, "docker-content-digest": digest } = found.headers;
      const placed = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname);
      if (
        request.method === "PUT" &&
        found.statusCode === 201 &&
        placed !== null &&
        typeof digest === "string"
      ) {
        const repository = `${host}/${placed[1]}`;
        pushed.add(`${repository}@${digest}`);
        const tags = new Map(held.get(repository));
        if (!placed[2]?.startsWith("sha256:")) tags.set(placed[2] ?? "", digest);
        held.set(repository, tags);
      }
      response.writeHead(found.statusCode ?? 502, {
        ...found.headers,
        ...(location === undefined
          ? {}
          : { location: location.replace(`/v2/${host}/`, "/v2/").replace(/^http:\/\/[^/]+/, "") }),
      });
      found.pipe(response);
    });
    asked.on("error", () => end(response, 502));
    request.pipe(asked);
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, answer);
  const open = new Set<Socket>();
  server.on("connect", (_, socket: Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => undefined);
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    server.emit("connection", socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    proxy: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ hosts: [...hosts], pushed: store.address },
    fail: (host, status) => void (status === undefined ? failing.delete(host) : failing.set(host, status)),
    async close() {
      server.closeAllConnections();
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
      await store.close();
    },
  };
}

/** As Google's registries list a repository: its tags, and its images in the same answer. */
function listing(path: string, tags: Tags): object {
  const manifest: Record<string, { tag: string[] } & Record<string, unknown>> = {};
  for (const [tag, digest] of tags) {
    manifest[digest] ??= { imageSizeBytes: "0", layerId: "", mediaType, tag: [], timeUploadedMs: "0" };
    manifest[digest].tag.push(tag);
  }
  return { name: path, tags: [...tags.keys()], child: [], manifest };
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": 0 }).end();
}
