import { createHash, createPrivateKey, randomBytes, sign, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { defaultTiming } from "../../src/http/timing.ts";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseDigest,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import { basicCredential, type Credential } from "../../src/registry/credentials/credential.ts";
import type { Registries, RegistryEvent } from "../../src/registry/index.ts";
import { openRegistries } from "../../src/registry/registries.ts";
import { defaultSettings, type HostSettings } from "../../src/settings/index.ts";
import { makeAuthority } from "../support/certificates.ts";
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  startDockerRegistry,
} from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const real = testWith("docker-registry");
const v1 = parseTag("v1");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder("remote");
});

afterAll(async () => {
  await folder.remove();
});

/** Runs a test against a registry of its own, and counts requests by kind. */
async function withRegistry(
  options: DockerRegistryOptions,
  client: { settings?: HostSettings; credential?: Credential },
  body: (
    registry: DockerRegistry,
    registries: Registries,
    counts: () => Record<string, number>,
  ) => Promise<void>,
): Promise<void> {
  const registry = await startDockerRegistry(options);
  const kinds: string[] = [];
  const listener = (event: RegistryEvent) => {
    if (event.type === "request") kinds.push(event.kind);
  };
  const settings = { ...defaultSettings, hosts: client.settings ? { [registry.host]: client.settings } : {} };
  const credentials = { lookup: async () => client.credential };
  const registries = openRegistries(
    { settings, credentials, environment: {}, listener },
    // Of lists of referrers: nobody else writes them here.
    { ...defaultTiming, settle: 20 },
  );
  const counts = () => {
    const found: Record<string, number> = {};
    for (const kind of kinds.splice(0)) found[kind] = (found[kind] ?? 0) + 1;
    return found;
  };
  try {
    await body(registry, registries, counts);
  } finally {
    await registries.close();
    await registry.stop();
  }
}

async function roundTrip(registry: DockerRegistry, registries: Registries): Promise<void> {
  const repository = registries.repository(parseRepository(`${registry.host}/team/app`));
  expect(await repository.resolve(v1)).toBeUndefined();
  expect(await repository.list()).toBeUndefined();
  const image = await buildImage("app", "v1");
  await pushImage(image, repository, [v1]);
  expect(await repository.resolve(v1)).toEqual(image.root.descriptor);
  expect(await repository.fetch(image.root.descriptor.digest)).toMatchObject({ bytes: image.root.bytes });
  for (const { descriptor, bytes } of image.blobs) {
    expect(await repository.has(descriptor)).toBe(true);
    expect(await read(await repository.open(descriptor))).toEqual(bytes);
  }
  expect(await repository.list()).toMatchObject({ tags: ["v1"], manifests: undefined });
}

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const blobOf = (bytes: Buffer): Descriptor => ({
  mediaType: mediaTypes.ociLayer,
  digest: digestOf(bytes),
  size: bytes.length,
});

describe("a real registry", () => {
  real("takes and gives images, with no request too many", async () => {
    await withRegistry({}, {}, async (registry, registries, counts) => {
      await roundTrip(registry, registries);
      counts();
      const one = registries.repository(parseRepository(`${registry.host}/one`));
      const other = registries.repository(parseRepository(`${registry.host}/other`));
      const bytes = randomBytes(1000);
      const content = async () => Readable.from([bytes]);
      expect(await one.push(blobOf(bytes), content)).toBe("pushed");
      expect(counts()).toEqual({ "upload-start": 1, "upload-data": 1 });
      expect(await other.push(blobOf(bytes), content, { mountFrom: one })).toBe("mounted");
      expect(counts()).toEqual({ mount: 1 });
      const absent = randomBytes(1000);
      expect(await other.push(blobOf(absent), async () => Readable.from([absent]), { mountFrom: one })).toBe(
        "pushed",
      );
      expect(counts()).toEqual({ mount: 1, "upload-data": 1 });
      const empty = Buffer.alloc(0);
      expect(await one.push(blobOf(empty), async () => Readable.from([]))).toBe("pushed");
      expect(await read(await one.open(blobOf(empty)))).toEqual(empty);
    });
  });

  real(
    "is sent a blob with a SHA-512 that it says it has mounted, and does not find afterwards",
    async () => {
      await withRegistry({}, {}, async (registry, registries, counts) => {
        const one = registries.repository(parseRepository(`${registry.host}/one`));
        const other = registries.repository(parseRepository(`${registry.host}/other`));
        const bytes = randomBytes(1000);
        const blob = {
          ...blobOf(bytes),
          digest: parseDigest(`sha512:${createHash("sha512").update(bytes).digest("hex")}`),
        };
        const content = async () => Readable.from([bytes]);
        await one.push(blob, content);
        counts();
        expect(await other.push(blob, content, { mountFrom: one })).toBe("pushed");
        expect(counts()).toMatchObject({ mount: 1, "upload-start": 1, "upload-data": 1 });
        expect(await read(await other.open(blob))).toEqual(bytes);
      });
    },
  );

  real("takes blobs in chunks where the settings say so", async () => {
    await withRegistry({}, { settings: { chunkBytes: 64 * 1024 } }, async (registry, registries, counts) => {
      const repository = registries.repository(parseRepository(`${registry.host}/chunks`));
      const bytes = randomBytes(300 * 1024);
      const pieces = [bytes.subarray(0, 100_000), bytes.subarray(100_000, 250_001), bytes.subarray(250_001)];
      expect(await repository.push(blobOf(bytes), async () => Readable.from(pieces))).toBe("pushed");
      expect(counts()["upload-data"]).toBeGreaterThan(2);
      expect(await read(await repository.open(blobOf(bytes)))).toEqual(bytes);
    });
  });

  real("lists many tags page by page, and deletes", async () => {
    await withRegistry({}, {}, async (registry, registries) => {
      const repository = registries.repository(parseRepository(`${registry.host}/tags`));
      const image = await buildImage("app", "v1");
      const tags = Array.from({ length: 30 }, (_, index) => parseTag(`v${index}`));
      await pushImage(image, repository, tags);
      expect([...((await repository.list())?.tags ?? [])].sort()).toEqual([...tags].sort());
      await repository.delete(image.root.descriptor.digest);
      expect(await repository.resolve(v1)).toBeUndefined();
      const found: string[] = [];
      for await (const name of registries.catalog(registry.host)) found.push(name);
      expect(found).toEqual([`${registry.host}/tags`]);
    });
  });

  real("keeps referrers under the tag of the specification, having no API for them", async () => {
    await withRegistry({}, {}, async (registry, registries) => {
      const repository = registries.repository(parseRepository(`${registry.host}/signed`));
      const image = await buildImage("app", "v1");
      await pushImage(image, repository, [v1]);
      const subject = image.root.descriptor;
      expect(await repository.referrers(subject.digest)).toEqual([]);
      const nothing = Buffer.from("{}");
      const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(nothing), size: 2 };
      await repository.push(config, async () => Readable.from([nothing]));
      const referrers = ["text/spam", "application/sbom"].map((artifactType): ImageDocument => {
        const json = {
          schemaVersion: 2,
          mediaType: mediaTypes.ociManifest,
          artifactType,
          config,
          layers: [config],
          subject,
        };
        const bytes = Buffer.from(JSON.stringify(json));
        return {
          bytes,
          descriptor: { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length },
        };
      });
      for (const referrer of referrers) await repository.put(referrer);
      const all = await repository.referrers(subject.digest);
      expect(all.map(({ artifactType }) => artifactType)).toEqual(["text/spam", "application/sbom"]);
      expect(await repository.referrers(subject.digest, "application/sbom")).toEqual([all[1]]);
    });
  });

  real("lets in who has the password, and says what was wrong with another", async () => {
    const users = { release: "manager" };
    await withRegistry({ users }, { credential: basicCredential("release", "manager", "a test") }, roundTrip);
    await withRegistry(
      { users },
      { credential: basicCredential("release", "guess", "~/.docker/config.json") },
      async (registry, registries) => {
        const asking = registries.repository(parseRepository(`${registry.host}/team/app`)).resolve(v1);
        await expect(asking).rejects.toMatchObject({
          code: "unauthorized",
          message: expect.stringContaining("~/.docker"),
        });
      },
    );
    await withRegistry({ users }, {}, async (registry, registries) => {
      const asking = registries.repository(parseRepository(`${registry.host}/team/app`)).resolve(v1);
      await expect(asking).rejects.toMatchObject({
        code: "unauthorized",
        hint: expect.stringContaining("log in"),
      });
    });
  });

  testWith("docker-registry", "openssl")(
    "is trusted by its own authority and asks for a certificate of ours",
    async () => {
      const authority = await makeAuthority(`${folder.path}/tls`);
      const server = await authority.issue("server");
      const ours = await authority.issue("client");
      const tls = { ...server, clientCa: authority.ca };
      await withRegistry({ tls }, { settings: { tls: { ca: authority.ca, ...ours } } }, roundTrip);
      // TLS 1.3 lets a server refuse a client after the handshake: whether its reason arrives is a matter of luck.
      const cases: [HostSettings, RegExp][] = [
        [{ tls: { ...ours }, retries: 0 }, /^tls$/],
        [{ tls: { ca: authority.ca }, retries: 0 }, /^(?:tls|unreachable)$/],
        [{ http: true, retries: 0 }, /^tls$/],
      ];
      for (const [settings, code] of cases) {
        await withRegistry({ tls }, { settings }, async (registry, registries) => {
          const asking = registries.repository(parseRepository(`${registry.host}/team/app`)).resolve(v1);
          await expect(asking).rejects.toMatchObject({ code: expect.stringMatching(code) });
        });
      }
    },
  );

  testWith("docker-registry", "openssl")(
    "takes tokens, one for each repository and kind of work",
    async () => {
      const authority = await makeAuthority(`${folder.path}/token`);
      const signer = await authority.issue("token-service");
      const service = await startTokenService(signer);
      const { port } = service.address() as AddressInfo;
      const token = {
        realm: `http://127.0.0.1:${port}/token`,
        service: "registry",
        issuer: "tests",
        bundle: authority.ca,
      };
      try {
        const credential = basicCredential("release", "manager", "a test");
        const settings = { tokenOrigins: [new URL(token.realm).origin] };
        await withRegistry({ token }, { credential, settings }, async (registry, registries, counts) => {
          await roundTrip(registry, registries);
          expect(counts().token).toBe(2);
          const one = registries.repository(parseRepository(`${registry.host}/team/app`));
          const other = registries.repository(parseRepository(`${registry.host}/team/other`));
          const image = await buildImage("app", "v1");
          const blob = image.blobs[0];
          if (blob === undefined) throw new Error("no blob");
          const content = async () => Readable.from([blob.bytes]);
          expect(await other.push(blob.descriptor, content, { mountFrom: one })).toBe("mounted");
        });
        await withRegistry(
          { token },
          { credential: basicCredential("release", "guess", "a test"), settings },
          async (registry, registries) => {
            const asking = registries.repository(parseRepository(`${registry.host}/team/app`)).resolve(v1);
            await expect(asking).rejects.toMatchObject({ code: "unauthorized" });
          },
        );
      } finally {
        service.close();
      }
    },
  );
});

/** A token service as the distribution project specifies it, for the one user of these tests. */
async function startTokenService(signer: { cert: string; key: string }): Promise<Server> {
  const key = createPrivateKey(await readFile(signer.key));
  const certificate = new X509Certificate(await readFile(signer.cert));
  const encode = (json: object) => Buffer.from(JSON.stringify(json)).toString("base64url");
  const expected = `Basic ${Buffer.from("release:manager").toString("base64")}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization !== expected) {
      response.writeHead(401).end();
      return;
    }
    const scopes = new URL(request.url ?? "", "http://service").searchParams.getAll("scope");
    const access = scopes.map((scope) => {
      const [type, name, actions = ""] = scope.split(":");
      return { type, name, actions: actions.split(",") };
    });
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: "JWT", alg: "ES256", x5c: [certificate.raw.toString("base64")] };
    const times = { nbf: now - 5, iat: now, exp: now + 300 };
    const claims = {
      iss: "tests",
      sub: "release",
      aud: "registry",
      jti: `${Math.random()}`,
      ...times,
      access,
    };
    const signed = `${encode(header)}.${encode(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString(
      "base64url",
    );
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ token: `${signed}.${signature}`, expires_in: 300 }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
