import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { digestOf, limits, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import { isAboutImage } from "../../src/promotion/index.ts";
import type { Fault } from "../support/faulty-registry.ts";
import { withOwn } from "../support/registry-client.ts";
import { afterBody, answer } from "../support/scripted-server.ts";
import type { Project } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

let world: PromotionWorld;
let victim: Awaited<ReturnType<typeof buildImage>>;
let bystander: Awaited<ReturnType<typeof buildImage>>;

beforeEach(async () => {
  world = await openWorld();
  victim = await world.stage("foo/victim", "v1");
  bystander = await world.stage("foo/bystander", "v1");
});
afterEach(() => world.close());

const project = (images: Project["images"], destination = world.production.host): Project => ({
  name: "foo",
  source: `${world.staging.host}/foo`,
  destinations: [`${destination}/foo`],
  images,
});

const both = (): Project[] => [
  project({
    victim: { [victim.root.descriptor.digest]: ["v1", "v1.0"] },
    bystander: { [bystander.root.descriptor.digest]: ["v1"] },
  }),
];

const writes = (from: number) =>
  world.production.seen.slice(from).filter(({ method }) => !["GET", "HEAD"].includes(method));

/** Interferes with requests of one method whose path matches. */
const on =
  (
    method: string,
    path: RegExp,
    ...reply: [number, Record<string, string>?, (string | Uint8Array)?]
  ): Fault =>
  (request, url) =>
    request.method === method && path.test(url.pathname)
      ? (response) => afterBody(request, () => answer(response, ...reply))
      : undefined;

/** Interferes with putting an image under one of the tags, alone or with others. */
const onTag =
  (image: string, tags: readonly string[], status: number): Fault =>
  (request, url) => {
    const [, target] = new RegExp(`/${image}/manifests/(.+)$`).exec(url.pathname) ?? [];
    const asked = [target, ...url.searchParams.getAll("tag")];
    return request.method === "PUT" && tags.some((tag) => asked.includes(tag))
      ? (response) => afterBody(request, () => answer(response, status))
      : undefined;
  };

/** The last layer that only this image has, and its first platform's manifest. */
const v1 = parseTag("v1");
const layerOf = ({ blobs }: typeof victim) => blobs[1] ?? expect.fail("no layer");
const childOf = ({ children }: typeof victim) => children[0] ?? expect.fail("no child");

const blobPath = (): RegExp => new RegExp(`/victim/blobs/${layerOf(victim).descriptor.digest}$`);
const childPath = (): RegExp => new RegExp(`/victim/manifests/${childOf(victim).descriptor.digest}$`);
const manifestType = { "content-type": mediaTypes.ociManifest };

function sameLength(bytes: Uint8Array): Buffer {
  return createHash("shake256", { outputLength: bytes.length }).update(bytes).digest();
}

describe("whatever fails for one image", () => {
  const faults: readonly {
    readonly what: string;
    readonly at: "staging" | "production";
    readonly fault: () => Fault;
    readonly code: string;
  }[] = [
    {
      what: "staging has lost a blob",
      at: "staging",
      fault: () => on("GET", blobPath(), 404),
      code: "blob-missing",
    },
    {
      what: "staging fails on a blob",
      at: "staging",
      fault: () => on("GET", blobPath(), 500),
      code: "server-error",
    },
    {
      what: "staging sends other bytes",
      at: "staging",
      fault: () => on("GET", blobPath(), 200, {}, sameLength(layerOf(victim).bytes)),
      code: "digest-mismatch",
    },
    {
      what: "staging sends a blob of another size",
      at: "staging",
      fault: () => on("GET", blobPath(), 200, {}, "short"),
      code: "size-mismatch",
    },
    {
      what: "staging breaks off within a blob",
      at: "staging",
      fault: () => (request, url) =>
        request.method === "GET" && blobPath().test(url.pathname)
          ? (response) => {
              const { bytes } = layerOf(victim);
              response.writeHead(200, { "content-length": String(bytes.length) });
              response.write(bytes.subarray(0, 10), () => response.destroy());
            }
          : undefined,
      code: "truncated",
    },
    {
      what: "staging has lost a platform of the index",
      at: "staging",
      fault: () => on("GET", childPath(), 404),
      code: "manifest-missing",
    },
    {
      what: "staging serves another manifest",
      at: "staging",
      fault: () => on("GET", childPath(), 200, manifestType, "{}"),
      code: "digest-mismatch",
    },
    {
      what: "staging serves it with another media type",
      at: "staging",
      fault: () =>
        on("GET", childPath(), 200, { "content-type": mediaTypes.dockerManifest }, childOf(victim).bytes),
      code: "media-type-mismatch",
    },
    {
      what: "staging serves a manifest over the limit",
      at: "staging",
      fault: () => on("GET", childPath(), 200, manifestType, Buffer.alloc(4 * 1024 * 1024 + 1)),
      code: "too-large",
    },
    {
      what: "the disk of production is full",
      at: "production",
      fault: () => on("PUT", /\/victim\/blobs\/uploads\//, 507),
      code: "server-error",
    },
    {
      what: "production breaks the connection within an upload",
      at: "production",
      fault: () => (request, url) =>
        request.method === "PUT" && /\/victim\/blobs\//.test(url.pathname) ? "break" : undefined,
      code: "unreachable",
    },
    {
      what: "nobody may push there",
      at: "production",
      fault: () => on("POST", /\/victim\/blobs\/uploads\//, 403),
      code: "denied",
    },
    {
      what: "production wants credentials for pushing",
      at: "production",
      fault: () => on("POST", /\/victim\/blobs\/uploads\//, 401, { "www-authenticate": 'Basic realm="x"' }),
      code: "unauthorized",
    },
    {
      what: "production wants the upload at another host",
      at: "production",
      fault: () => on("POST", /\/victim\/blobs\/uploads\//, 202, { location: "http://elsewhere.example/up" }),
      code: "unsafe-upload-location",
    },
    {
      what: "production refuses the manifest of a platform",
      at: "production",
      fault: () => on("PUT", childPath(), 400),
      code: "manifest-refused",
    },
    {
      what: "production fails on the tag",
      at: "production",
      fault: () => onTag("victim", ["v1", "v1.0"], 503),
      code: "server-error",
    },
  ];

  test.each(faults.map((entry) => [entry.what, entry] as const))(
    "%s: nothing is half promoted, and all others are",
    async (_, { at, fault, code }) => {
      world[at].interfere(fault());
      const { report } = await world.promote(both());
      expect(
        report.problems.filter(isAboutImage).map(({ tag, state, failure }) => [tag, state, failure?.code]),
      ).toEqual([
        ["v1", "failed", code],
        ["v1.0", "failed", code],
      ]);
      expect(report.problems[0]?.at).toMatch(/images\.yaml:\d+:\d+$/);
      expect(report.counts).toMatchObject({ done: 1, failed: 2 });
      expect(await world.brokenTags()).toEqual([]);

      world[at].interfere();
      const mended = await world.promote(both());
      expect(mended.report).toMatchObject({ asDesired: true, counts: { done: 2, present: 1 } });
      expect(await world.brokenTags()).toEqual([]);

      const from = world.production.seen.length;
      expect((await world.promote(both())).report.counts).toMatchObject({ done: 0, present: 3 });
      expect(writes(from)).toEqual([]);
    },
  );

  test("the failure of one tag leaves the other tags of the image alone", async () => {
    world.production.interfere(onTag("victim", ["v1"], 400));
    const { report } = await world.promote(both());
    expect(report.problems.filter(isAboutImage).map(({ tag }) => tag)).toEqual(["v1"]);
    expect(
      report.work
        .filter(isAboutImage)
        .map(({ tag }) => tag)
        .sort(),
    ).toEqual(["v1", "v1.0"]);
  });

  test("a destination that dies half-way leaves whole images, and another run finishes", async () => {
    for (const survived of [3, 8, 13, 18]) {
      let left = survived;
      world.production.interfere(() => (left-- > 0 ? undefined : "break"));
      const { report } = await world.promote(both());
      expect(report.asDesired).toBe(false);
      expect(await world.brokenTags()).toEqual([]);
    }
    world.production.interfere();
    expect((await world.promote(both())).report.asDesired).toBe(true);
    expect(await world.brokenTags()).toEqual([]);
  });
});

describe("tags", () => {
  const inProduction = () =>
    world.registries.repository(parseRepository(`${world.production.host}/foo/victim`));

  test("that appear at another digest between plan and work are not moved", async () => {
    const squatter = await buildImage("squatter", "v1");
    const pushed: Promise<void>[] = [];
    const { report } = await world.promote(both(), {
      listener: ({ type }) => {
        if (type === "planned") pushed.push(pushImage(squatter, inProduction(), [parseTag("v1")]));
      },
      open: (name) => {
        const repository = world.registries.repository(name);
        return withOwn(repository, {
          push: async (...all) => {
            await pushed[0];
            return repository.push(...all);
          },
        });
      },
    });
    expect(report.problems.filter(isAboutImage).map(({ tag, failure }) => [tag, failure?.code])).toEqual([
      ["v1", "tag-taken"],
    ]);
    expect(report.counts).toMatchObject({ done: 2, failed: 1 });
    expect((await inProduction().resolve(parseTag("v1")))?.digest).toBe(squatter.root.descriptor.digest);
  });

  test("that somebody sets while several are put together and fail are not moved", async () => {
    const squatter = await buildImage("squatter", "joint");
    const { root } = await world.stage("foo/joint", "v1");
    const project = {
      name: "joint",
      source: `${world.staging.host}/foo`,
      destinations: [`${world.production.host}/foo`],
      images: { joint: { [root.descriptor.digest]: ["v1", "v2"] } },
    };
    const { report } = await world.promote([project], {
      open: (name) => {
        const repository = world.registries.repository(name);
        return withOwn(repository, {
          put: async (document, tags = []) => {
            if (tags.length < 2) return repository.put(document, tags);
            await pushImage(squatter, repository, [parseTag("v2")]);
            throw new Error("lost on its way");
          },
        });
      },
    });
    expect(report.counts).toMatchObject({ done: 1, failed: 1 });
    expect(report.problems.filter(isAboutImage).map(({ tag, failure }) => [tag, failure?.code])).toEqual([
      ["v2", "tag-taken"],
    ]);
  });

  test("of two names that are one place go to one of two digests, and stay there", async () => {
    const other = await openWorld({ retries: 0 }, (folder) =>
      ["eu", "us"].map((region) => ({ repository: `${region}.example.com`, at: `oci:${folder}/mirror` })),
    );
    try {
      const projects = await Promise.all(
        ["eu", "us"].map(async (region) => {
          const { root } = await other.stage(`${region}/app`, "v1");
          return {
            name: region,
            source: `${other.staging.host}/${region}`,
            destinations: [`${region}.example.com`],
            images: { app: { [root.descriptor.digest]: ["v1"] } },
          };
        }),
      );
      const { report } = await other.promote(projects);
      expect(report.counts).toMatchObject({ done: 1, failed: 1 });
      expect(report.problems[0]?.failure?.code).toBe("tag-taken");
      const place = other.registries.repository(parseRepository("eu.example.com/app"));
      expect((await place.resolve(v1))?.digest).toBe(report.work[0]?.digest);
    } finally {
      await other.close();
    }
  });

  test("that have got to the right digest by themselves are not put again", async () => {
    await world.promote(both());
    await inProduction().delete(parseTag("v1"));
    const from = world.production.seen.length;
    world.production.interfere();
    let planned = false;
    const { report } = await world.promote(both(), {
      listener: ({ type }) => {
        planned ||= type === "planned";
      },
      open: (name) => {
        const repository = world.registries.repository(name);
        return withOwn(repository, {
          fetch: async (target) => {
            // Somebody else's promotion is a little faster.
            if (planned) await repository.put(victim.root, parseTag("v1"));
            return repository.fetch(target);
          },
        });
      },
    });
    expect(report.counts).toMatchObject({ done: 1, present: 2 });
    expect(writes(from)).toHaveLength(1);
  });
});

describe("isolation", () => {
  test("a destination that the settings put in an impossible place stops its own edges only", async () => {
    const other = await openWorld({ retries: 0 }, (folder) => [
      { repository: "mirror.example.com", at: `oci:${folder}/mirror` },
    ]);
    try {
      const image = await other.stage("foo/app", "v1");
      const { digest } = image.root.descriptor;
      const projects = [
        {
          name: "foo",
          source: `${other.staging.host}/foo`,
          destinations: [`${other.production.host}/foo`, "mirror.example.com/blobs"],
          images: { app: { [digest]: ["v1"] } },
        },
      ];
      const { report } = await other.promote(projects);
      expect(report.counts).toMatchObject({ done: 1, unread: 1 });
      expect(report.problems[0]?.failure?.code).toBe("location-unusable");
      const { findings } = await other.verify();
      expect(new Set(findings.map(({ kind, destination }) => `${kind} ${destination}`))).toEqual(
        new Set(["unread mirror.example.com/blobs/app"]),
      );
    } finally {
      await other.close();
    }
  });

  test("a tag is put on what production has even when staging is in an impossible place", async () => {
    await world.promote(both());
    const { report } = await world.promote(
      [
        {
          ...project({
            victim: { [victim.root.descriptor.digest]: ["v1", "v1.0", "later"] },
            bystander: { [bystander.root.descriptor.digest]: ["v1"] },
          }),
        },
      ],
      {
        open: (name) => {
          if (name.startsWith(world.staging.host)) throw new Error("no way to staging");
          return world.registries.repository(name);
        },
      },
    );
    expect(report).toMatchObject({ asDesired: true, counts: { done: 1, present: 3 } });
  });

  test("403 on one repository is unread there; the rest goes on", async () => {
    world.production.interfere((_: IncomingMessage, url) =>
      url.pathname.includes("/victim/") ? (response) => answer(response, 403) : undefined,
    );
    const { report } = await world.promote(both());
    expect(report.counts).toMatchObject({ done: 1, unread: 2 });
    expect(report.problems.map(({ failure }) => failure?.code)).toEqual(["denied", "denied"]);
  });

  test("a repository that may be pulled from and not listed is promoted to all the same", async () => {
    world.production.interfere((_: IncomingMessage, url) =>
      url.pathname.endsWith("/tags/list") ? (response) => answer(response, 403) : undefined,
    );
    const { report } = await world.promote(both());
    expect(report).toMatchObject({ asDesired: true, counts: { done: 3 } });
  });
});

describe("how far it goes", () => {
  test("nothing at all when something is not as desired and strict was asked for", async () => {
    const missing = digestOf(Buffer.from("nowhere"));
    const images = { victim: { [victim.root.descriptor.digest]: ["v1"], [missing]: ["v2"] } };
    const { report } = await world.promote([project(images)], { strict: true });
    expect(report).toMatchObject({ stopped: true, asDesired: false, counts: { pending: 1, lost: 1 } });
    expect(writes(0)).toEqual([]);
  });

  test("no image is begun once it is interrupted", async () => {
    const interruption = new AbortController();
    const { report } = await world.promote(both(), {
      signal: interruption.signal,
      listener: ({ type }) => {
        if (type === "planned") interruption.abort();
      },
    });
    expect(report).toMatchObject({ asDesired: false, dryRun: false, counts: { pending: 3, done: 0 } });
    expect(writes(0)).toEqual([]);
  });

  test("no repository is begun once it is interrupted: those are unread, and nothing is written", async () => {
    const { report } = await world.promote(both(), { signal: AbortSignal.abort() });
    expect(report).toMatchObject({ interrupted: true, asDesired: false, counts: { unread: 3, pending: 0 } });
    expect(report.problems[0]).toMatchObject({ failure: { code: "interrupted" } });
    expect(writes(0)).toEqual([]);
  });

  test("a dry run writes nothing", async () => {
    const { report } = await world.promote(both(), { confirm: false });
    expect(report).toMatchObject({ dryRun: true, asDesired: true, counts: { pending: 3 } });
    expect(writes(0)).toEqual([]);
  });
});

describe("unusual images", () => {
  test("of those with many bytes of manifests, few are in memory at a time, and one that fails makes room", async () => {
    const documentOf = (mediaType: string, json: object) => {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }));
      return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
    };
    const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
    const blob = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length };
    const rootOf = new Map<string, string>();
    const images: Record<string, Record<string, string[]>> = {};
    for (let at = 0; at < 8; at += 1) {
      const repository = world.registries.repository(parseRepository(`${world.staging.host}/foo/wide${at}`));
      await repository.push(blob, async () => Readable.from([config]));
      const annotations = { at: `${at}`, filling: "x".repeat(limits.wideClosureBytes) };
      const child = documentOf(mediaTypes.ociManifest, { config: blob, layers: [], annotations });
      const root = documentOf(mediaTypes.ociIndex, { manifests: [child.descriptor] });
      await repository.put(child);
      await repository.put(root, v1);
      rootOf.set(child.descriptor.digest, root.descriptor.digest);
      images[`wide${at}`] = { [root.descriptor.digest]: ["v1"] };
    }
    world.production.interfere(on("PUT", /\/wide3\/manifests\//, 403));
    const held = new Set<string>();
    let most = 0;
    const { report } = await world.promote([project(images)], {
      open: (name) => {
        const repository = world.registries.repository(name);
        return withOwn(repository, {
          fetch: async (target) => {
            const root = rootOf.get(target);
            if (root !== undefined) held.add(root);
            most = Math.max(most, held.size);
            return repository.fetch(target);
          },
        });
      },
      listener: (event) => {
        if (event.type === "edge-done" || event.type === "edge-failed") held.delete(event.digest);
      },
    });
    expect(report.counts).toMatchObject({ done: 7, failed: 1 });
    expect(most).toBeLessThanOrEqual(3);
  });

  test("foreign layers that staging does not hold are not missed, neither then nor by verification", async () => {
    const config = Buffer.from('{"architecture":"amd64","os":"windows","rootfs":{}}');
    const repository = world.registries.repository(parseRepository(`${world.staging.host}/foo/windows`));
    const blob = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length };
    await repository.push(blob, async () => Readable.from([config]));
    const foreign = {
      mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      digest: digestOf(Buffer.from("a layer of Windows")),
      size: 1024,
      urls: ["https://example.com/layer"],
    };
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: blob,
        layers: [foreign],
      }),
    );
    const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
    await repository.put({ descriptor, bytes }, parseTag("v1"));
    const projects = [project({ windows: { [descriptor.digest]: ["v1"] } })];
    expect((await world.promote(projects)).report.asDesired).toBe(true);
    expect(await world.verify()).toMatchObject({ findings: [], images: 1, tags: 1, blobs: 1 });
  });
});
