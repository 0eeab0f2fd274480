import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { Copier, readGraph } from "../../src/copy/index.ts";
import { messageOf, WaybillError } from "../../src/errors/index.ts";
import { defaultTiming } from "../../src/http/timing.ts";
import { openTransport } from "../../src/http/way/transport.ts";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  limits,
  mediaTypes,
  parseDigest,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import { basicCredential, type CredentialStore } from "../../src/registry/credentials/credential.ts";
import { endpointOf } from "../../src/registry/host/endpoint.ts";
import {
  openCredentials,
  openRegistries,
  type RegistriesOptions,
  type Repository,
} from "../../src/registry/index.ts";
import { defaultSettings, type HostSettings } from "../../src/settings/index.ts";
import { afterBody, answer, type ScriptedServer, serve } from "../support/scripted-server.ts";

const secret = "s3cret-p4ssword";
const encodedSecret = Buffer.from(`user:${secret}`).toString("base64");
const blobBytes = Buffer.from("the bytes of a layer");
const blob = descriptorOf("application/octet-stream", blobBytes);

function descriptorOf(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

function documentOf(mediaType: string, json: object): ImageDocument {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }));
  return { descriptor: descriptorOf(mediaType, bytes), bytes };
}

/** A store that has a password for every host, and tells who asked. */
function storeWithPassword(): CredentialStore & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async lookup(host) {
      asked.push(host);
      return basicCredential("user", secret, "a test");
    },
  };
}

function repositoryOn(
  server: Pick<ScriptedServer, "host">,
  options: { settings?: HostSettings; store?: CredentialStore; name?: string } = {},
): Repository {
  const settings = { ...defaultSettings, hosts: { [server.host]: { retries: 0, ...options.settings } } };
  const credentials = options.store ?? { lookup: async () => undefined };
  const registries = openRegistries({ settings, credentials, environment: {} });
  onTestFinished(registries.close);
  return registries.repository(parseRepository(`${server.host}/${options.name ?? "team/app"}`));
}

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function failureOf(work: Promise<unknown>): Promise<WaybillError> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(WaybillError);
  expect(`${messageOf(failure)} ${JSON.stringify(failure)}`).not.toContain(secret);
  return failure as WaybillError;
}

const challenge = (realm: string) => ({ "www-authenticate": `Bearer realm="${realm}",service="registry"` });

describe("security point 1: credentials go only to the origin they belong to", () => {
  it("sends none along with a redirect to another origin", async () => {
    const storage = await serve((_, response) => answer(response, 200, {}, blobBytes));
    const registry = await serve((request, response) => {
      if (request.headers.authorization === undefined)
        return answer(response, 401, { "www-authenticate": "Basic" });
      answer(response, 307, { location: `${storage.origin}/blob?signature=abc` });
    });
    const store = storeWithPassword();
    expect(await read(await repositoryOn(registry, { store }).open(blob))).toEqual(blobBytes);
    expect(registry.seen.at(-1)?.authorization).toBe(`Basic ${encodedSecret}`);
    expect(storage.seen).toMatchObject([{ authorization: undefined }]);
  });

  it("refuses an upload location on another host, and sends nothing there", async () => {
    const thief = await serve((_, response) => answer(response, 201));
    const registry = await serve((_, response) =>
      answer(response, 202, { location: `${thief.origin}/upload` }),
    );
    const pushing = repositoryOn(registry).push(blob, async () => Readable.from([blobBytes]));
    expect((await failureOf(pushing)).code).toBe("unsafe-upload-location");
    expect(thief.seen).toEqual([]);
  });

  it("refuses a next page on another host", async () => {
    const thief = await serve((_, response) => answer(response, 200, {}, '{"tags":["stolen"]}'));
    const link = `<${thief.origin.replace("127.0.0.1", "localhost")}/v2/team/app/tags/list?last=a>; rel="next"`;
    const registry = await serve((_, response) => answer(response, 200, { link }, '{"tags":["a"]}'));
    expect((await failureOf(repositoryOn(registry).list())).code).toBe("unsafe-redirect");
    expect(thief.seen).toEqual([]);
  });

  it("asks nothing of another port that a next page is said to be on", async () => {
    const thief = await serve((_, response) => answer(response, 200, {}, '{"tags":["stolen"]}'));
    const link = `<${thief.origin}/v2/team/app/tags/list?last=a>; rel="next"`;
    const registry = await serve((_, response, url) =>
      url.searchParams.has("last")
        ? answer(response, 200, {}, '{"tags":["b"]}')
        : answer(response, 200, { link }, '{"tags":["a"]}'),
    );
    expect((await repositoryOn(registry).list())?.tags).toEqual(["a", "b"]);
    expect(thief.seen).toEqual([]);
  });

  it("looks for a token of its own for every repository", async () => {
    const registry = await serve((request, response, url) => {
      if (url.pathname === "/token") {
        return answer(
          response,
          200,
          {},
          JSON.stringify({ token: url.searchParams.getAll("scope").join(",") }),
        );
      }
      if (request.headers.authorization === undefined)
        return answer(response, 401, challenge(`http://${request.headers.host}/token`));
      answer(response, 404);
    });
    const settings = { ...defaultSettings, hosts: { [registry.host]: { retries: 0 } } };
    const registries = openRegistries({
      settings,
      credentials: { lookup: async () => undefined },
      environment: {},
    });
    onTestFinished(registries.close);
    for (const name of ["one", "two", "one"]) {
      await registries.repository(parseRepository(`${registry.host}/${name}`)).fetch(parseTag("v1"));
    }
    const used = registry.seen.flatMap(({ url, authorization }) =>
      url.startsWith("/v2/") && authorization !== undefined ? [authorization] : [],
    );
    expect(used).toEqual(["one", "two", "one"].map((name) => `Bearer repository:${name}:pull`));
    expect(registry.seen.filter(({ url }) => url.startsWith("/token"))).toHaveLength(2);
  });
});

describe("security point 2: a token service is judged before a credential is looked up", () => {
  it.each([
    "http://evil.example/token",
    "https://evil.example/token",
    "https://169.254.169.254/token",
    "ftp://x/",
  ])("refuses %s", async (realm) => {
    const store = storeWithPassword();
    const registry = await serve((_, response) => answer(response, 401, challenge(realm)));
    const failure = await failureOf(repositoryOn(registry, { store }).resolve(parseTag("v1")));
    expect(failure.code).toBe("unsafe-realm");
    expect(store.asked).toEqual([]);
  });

  it("does not follow a redirect of a token service", async () => {
    const thief = await serve((_, response) => answer(response, 200, {}, '{"token":"t"}'));
    const registry = await serve((request, response, url) => {
      if (url.pathname === "/token") return answer(response, 307, { location: `${thief.origin}/token` });
      answer(response, 401, challenge(`http://${request.headers.host}/token`));
    });
    await failureOf(repositoryOn(registry, { store: storeWithPassword() }).resolve(parseTag("v1")));
    expect(thief.seen).toEqual([]);
  });
});

describe("security point 3: redirects are followed by hand", () => {
  it("stops after five", async () => {
    const registry = await serve((_, response, url) =>
      answer(response, 307, { location: `${url.pathname}?again` }),
    );
    expect((await failureOf(repositoryOn(registry).open(blob))).code).toBe("unsafe-redirect");
    expect(registry.seen).toHaveLength(6);
  });

  it("refuses other schemes", async () => {
    const registry = await serve((_, response) => answer(response, 307, { location: "file:///etc/passwd" }));
    expect((await failureOf(repositoryOn(registry).open(blob))).code).toBe("unsafe-redirect");
  });

  it("never redirects what is written", async () => {
    const thief = await serve((_, response) => answer(response, 201));
    const registry = await serve((_, response) => answer(response, 307, { location: `${thief.origin}/v2/` }));
    const document = documentOf(mediaTypes.ociIndex, { manifests: [] });
    expect((await failureOf(repositoryOn(registry).put(document))).code).not.toBe("");
    await failureOf(repositoryOn(registry).push(blob, async () => Readable.from([blobBytes])));
    expect(thief.seen).toEqual([]);
  });
});

describe("security point 4: addresses are checked when the connection is made", () => {
  it("refuses a name that resolves to this machine", async () => {
    const inner = await serve((_, response) => answer(response, 200));
    const transport = openTransport({
      endpoint: endpointOf("registry.example.com"),
      tlsOf: () => undefined,
      allowPrivateAddresses: false,
      environment: {},
      connections: 1,
      timing: defaultTiming,
    });
    onTestFinished(() => transport.close());
    const port = inner.host.split(":")[1];
    const url = new URL(`http://localhost:${port}/`);
    const asking = transport.request({ method: "GET", url, headers: {}, answerWithin: 1000 });
    await expect(asking).rejects.toMatchObject({ code: "unsafe-address" });
    expect(inner.seen).toEqual([]);
  });
});

describe("security point 5: only what is a name gets into an address", () => {
  it.each([
    "registry.example.com/../v2/other",
    "registry.example.com/a//b",
    "registry.example.com/a?x=y",
    "registry.example.com/a#b",
    "registry.example.com/a%2e%2e/b",
    "registry.example.com@evil.org/a",
    "registry.example.com:5000@evil.org/a",
  ])("refuses the repository %s", (name) => expect(() => parseRepository(name)).toThrow(WaybillError));

  it.each([
    `sha256:${"a".repeat(63)}`,
    `sha256:${"A".repeat(64)}`,
    `sha256:../../../${"a".repeat(55)}`,
    `md5:${"a".repeat(32)}`,
    `sha256:${"a".repeat(64)}/../x`,
  ])("refuses the digest %s", (digest) => expect(() => parseDigest(digest)).toThrow(WaybillError));

  it("leaves names out that a registry lists and that are none", async () => {
    const manifest = { "sha256:../../x": { tag: ["ok", "../x"] }, [blob.digest]: { tag: ["ok", "../x"] } };
    const listing = { tags: ["ok", "../x", "a/b"], child: ["ok", "..", "a?b", "A"], manifest };
    const registry = await serve((_, response) => answer(response, 200, {}, JSON.stringify(listing)));
    const listed = await repositoryOn(registry).list();
    expect([listed?.tags, listed?.children]).toEqual([["ok"], ["ok"]]);
    expect([...(listed?.manifests ?? [])]).toMatchObject([[blob.digest, { tags: ["ok"] }]]);
  });
});

describe("security point 6: every byte is hashed, and nothing wrong is committed", () => {
  it.each([
    ["other bytes", Buffer.from("THE BYTES OF A LAYER"), "digest-mismatch"],
    ["fewer bytes", blobBytes.subarray(1), "size-mismatch"],
    ["more bytes", Buffer.concat([blobBytes, blobBytes]), "size-mismatch"],
  ])("refuses a blob of %s", async (_, bytes, code) => {
    const registry = await serve((_, response) => answer(response, 200, {}, bytes));
    const reading = repositoryOn(registry).open(blob).then(read);
    expect((await failureOf(reading)).code).toBe(code);
  });

  it("refuses a blob that breaks off, and one that goes on without a stated length", async () => {
    const broken = await serve((_, response) => {
      response.writeHead(200, { "content-length": String(blobBytes.length) });
      response.write(blobBytes.subarray(0, 5), () => response.destroy());
    });
    expect((await failureOf(repositoryOn(broken).open(blob).then(read))).code).toBe("truncated");
    const endless = await serve((_, response) => {
      response.writeHead(200);
      response.end(Buffer.concat([blobBytes, blobBytes]));
    });
    expect((await failureOf(repositoryOn(endless).open(blob).then(read))).code).toBe("size-mismatch");
  });

  it("never completes an upload whose bytes are wrong, and takes the session back", async () => {
    let completed = false;
    const registry = await serve((request, response, url) => {
      if (request.method === "POST")
        return answer(response, 202, { location: "/v2/team/app/blobs/uploads/1" });
      if (request.method === "DELETE") return answer(response, 204);
      afterBody(request, () => {
        completed = url.searchParams.has("digest");
        answer(response, 201);
      });
    });
    const wrong = async () => Readable.from([Buffer.from("THE BYTES OF A LAYER")]);
    expect((await failureOf(repositoryOn(registry).push(blob, wrong))).code).toBe("digest-mismatch");
    expect(completed).toBe(false);
    expect(registry.seen.map(({ method }) => method)).toContain("DELETE");
  });

  it("takes the digest that was asked for over the one that is stated", async () => {
    const real = documentOf(mediaTypes.ociIndex, { manifests: [] });
    const other = documentOf(mediaTypes.ociIndex, { manifests: [], annotations: { a: "b" } });
    const registry = await serve((_, response) =>
      answer(
        response,
        200,
        { "content-type": mediaTypes.ociIndex, "docker-content-digest": real.descriptor.digest },
        other.bytes,
      ),
    );
    const repository = repositoryOn(registry);
    for (const target of [real.descriptor.digest, parseTag("v1")]) {
      expect((await failureOf(repository.fetch(target))).code).toBe("digest-mismatch");
    }
    const lie = await failureOf(repository.resolve(other.descriptor.digest));
    expect(lie.code).toBe("digest-mismatch");
  });

  it("refuses a manifest that is served as something else", async () => {
    const index = documentOf(mediaTypes.ociIndex, { manifests: [] });
    const served = (type: string) =>
      serve((_, response) => answer(response, 200, { "content-type": type }, index.bytes));
    const html = repositoryOn(await served("text/html")).fetch(parseTag("v1"));
    expect((await failureOf(html)).code).toBe("media-type-mismatch");
    const confused = repositoryOn(await served(mediaTypes.ociManifest));
    const graph = readGraph((digest) => confused.fetch(digest), index.descriptor.digest, "here");
    expect((await failureOf(graph)).code).toMatch(/media-type-mismatch|invalid-image-manifest/);
  });
});

describe("security point 7: every answer has a limit", () => {
  it("reads no manifest over 4 MiB", async () => {
    const registry = await serve((_, response) =>
      answer(
        response,
        200,
        { "content-type": mediaTypes.ociIndex },
        Buffer.alloc(limits.manifestBytes + 1, 32),
      ),
    );
    expect((await failureOf(repositoryOn(registry).fetch(parseTag("v1")))).code).toBe("too-large");
  });

  it("reads no token over 128 KiB, and shows little of a long error", async () => {
    const registry = await serve((request, response, url) => {
      if (url.pathname === "/token")
        return answer(response, 200, {}, JSON.stringify({ token: "x".repeat(200_000) }));
      answer(response, 401, challenge(`http://${request.headers.host}/token`));
    });
    expect((await failureOf(repositoryOn(registry).resolve(parseTag("v1")))).code).toBe("too-large");
    const long = JSON.stringify({
      errors: [{ code: "DENIED", message: `\u001b[31m${"no ".repeat(10_000)}` }],
    });
    const wordy = await serve((_, response) => answer(response, 403, {}, long));
    const failure = await failureOf(repositoryOn(wordy).fetch(parseTag("v1")));
    expect(failure.message.length).toBeLessThan(600);
    expect(failure.message).not.toContain("\u001b");
  });
});

describe("security point 8: graphs and lists end", () => {
  it("refuses a list of tags that repeats itself, and one that never ends", async () => {
    const same = '</v2/team/app/tags/list?last=a>; rel="next"';
    const circle = await serve((_, response) => answer(response, 200, { link: same }, '{"tags":["a"]}'));
    expect((await failureOf(repositoryOn(circle).list())).code).toBe("endless-pagination");
  });

  it("refuses indexes nested too deep", async () => {
    let inner = documentOf(mediaTypes.ociIndex, { manifests: [] });
    const documents = new Map([[inner.descriptor.digest, inner]]);
    for (let depth = 0; depth <= limits.indexDepth; depth += 1) {
      inner = documentOf(mediaTypes.ociIndex, { manifests: [inner.descriptor] });
      documents.set(inner.descriptor.digest, inner);
    }
    const reading = readGraph(async (digest) => documents.get(digest), inner.descriptor.digest, "here");
    expect((await failureOf(reading)).code).toBe("too-large");
  });

  it("does not run in circles when a registry serves an index that lists itself", async () => {
    const self = parseDigest(`sha256:${"a".repeat(64)}`);
    const circular = documentOf(mediaTypes.ociIndex, {
      manifests: [{ mediaType: mediaTypes.ociIndex, digest: self, size: 10 }],
    });
    const registry = await serve((_, response) =>
      answer(response, 200, { "content-type": mediaTypes.ociIndex }, circular.bytes),
    );
    const repository = repositoryOn(registry);
    const reading = readGraph((digest) => repository.fetch(digest), self, "here");
    expect((await failureOf(reading)).code).toBe("digest-mismatch");
  });
});

describe("security point 9: addresses in descriptors are never followed", () => {
  it("leaves a foreign layer out instead", async () => {
    const thief = await serve((_, response) => answer(response, 200, {}, blobBytes));
    const foreign = {
      ...blob,
      mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      urls: [`${thief.origin}/layer`],
    };
    const config = descriptorOf(mediaTypes.dockerConfig, Buffer.from("{}"));
    const image = documentOf(mediaTypes.dockerManifest, { config, layers: [foreign] });
    const source = await serve((_, response, url) => {
      if (url.pathname.includes("/manifests/")) {
        return answer(response, 200, { "content-type": mediaTypes.dockerManifest }, image.bytes);
      }
      if (url.pathname.endsWith(config.digest)) return answer(response, 200, {}, "{}");
      answer(response, 404);
    });
    const destination = await serve((request, response) => {
      if (request.method === "POST")
        return answer(response, 202, { location: "/v2/team/app/blobs/uploads/1" });
      afterBody(request, () => answer(response, request.method === "DELETE" ? 204 : 201));
    });
    const from = repositoryOn(source);
    const to = repositoryOn(destination);
    const graph = await readGraph((digest) => from.fetch(digest), image.descriptor.digest, "here");
    const outcomes: string[] = [];
    const copier = new Copier((event) => {
      if (event.type === "blob-finished") outcomes.push(event.outcome);
    });
    await copier.copyClosure({ graph, from, to: [{ repository: to, empty: true }] })[0];
    expect(outcomes.sort()).toEqual(["foreign", "pushed"]);
    expect(thief.seen).toEqual([]);
  });
});

describe("security point 10: layers are never unpacked", () => {
  it("copies bytes that no decompressor would take", async () => {
    const bytes = randomBytes(100_000);
    const layer = descriptorOf(mediaTypes.ociLayer, bytes);
    let received: Buffer | undefined;
    const source = await serve((_, response) => answer(response, 200, {}, bytes));
    const destination = await serve((request, response) => {
      if (request.method === "POST")
        return answer(response, 202, { location: "/v2/team/app/blobs/uploads/1" });
      afterBody(request, (body) => {
        received = body;
        answer(response, 201);
      });
    });
    const from = repositoryOn(source);
    expect(await repositoryOn(destination).push(layer, () => from.open(layer))).toBe("pushed");
    expect(received?.equals(bytes)).toBe(true);
  });
});

describe("security point 11: a credential helper is a program's name and nothing else", () => {
  it.each(["../helper", "a/b", "a;b", "$(x)", "a b", "-x\n"])("refuses %j", async (name) => {
    const config = JSON.stringify({ credHelpers: { "registry.example.com": name } });
    const environment = { DOCKER_AUTH_CONFIG: config, HOME: "/nonexistent", PATH: process.env.PATH };
    const store = openCredentials({ settings: defaultSettings, environment });
    const outcome = await store
      .lookup("registry.example.com", "app")
      .catch((error: { code?: string }) => error.code);
    expect(outcome).toMatch(/^credential-(?:helper|source)$/);
  });
});

describe("security point 12: no secret is shown", () => {
  it("keeps passwords, tokens and signed addresses out of every message", async () => {
    const signature = "X-Amz-Signature=0123456789abcdef";
    const storage = await serve((_, response) => answer(response, 403, {}, "<Error>AccessDenied</Error>"));
    const registry = await serve((request, response) => {
      if (request.headers.authorization === undefined)
        return answer(response, 401, { "www-authenticate": "Basic" });
      answer(response, 307, { location: `${storage.origin}/blob?${signature}` });
    });
    const failure = await failureOf(repositoryOn(registry, { store: storeWithPassword() }).open(blob));
    const everything = `${failure.stack} ${JSON.stringify(failure)} ${messageOf(failure)} ${failure.hint}`;
    for (const hidden of [secret, encodedSecret, signature]) expect(everything).not.toContain(hidden);
    expect(failure.message).toContain(storage.host);
  });

  it("says where refused credentials came from, not what they are", async () => {
    const registry = await serve((_, response) => answer(response, 401, { "www-authenticate": "Basic" }));
    const failure = await failureOf(
      repositoryOn(registry, { store: storeWithPassword() }).resolve(parseTag("v1")),
    );
    expect(failure).toMatchObject({ code: "unauthorized", message: expect.stringContaining("a test") });
  });
});

describe("hosts that somebody has named who may be anybody", () => {
  it("are asked for nothing where only we reach them, unless somebody vouches for them", async () => {
    const server = await serve((_, response) => answer(response, 404));
    const ask = async (options: RegistriesOptions) => {
      const registries = openRegistries({ environment: {}, credentials: storeWithPassword(), ...options });
      onTestFinished(registries.close);
      return registries.repository(parseRepository(`${server.host}/team/app`)).resolve(parseTag("v1"));
    };
    const mayBePrivate = () => false;
    expect((await failureOf(ask({ mayBePrivate }))).message).toContain("has a loopback address");
    expect(server.seen).toEqual([]);
    expect(await ask({ mayBePrivate: (host) => host === server.host })).toBeUndefined();
    const hosts = { [server.host]: { retries: 0 } };
    expect(await ask({ mayBePrivate, settings: { ...defaultSettings, hosts } })).toBeUndefined();
  });
});
