import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Copier, type CopyEvent, readGraph } from "../../src/copy/index.ts";
import { defaultTiming } from "../../src/http/timing.ts";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import type { RegistryEvent, Repository } from "../../src/registry/index.ts";
import { openRegistries } from "../../src/registry/registries.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { type Fault, type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { temporaryFolder } from "../support/tree.ts";

const MiB = 2 ** 20;
const v1 = parseTag("v1");

let source: FaultyRegistry;
let destinations: FaultyRegistry[];
let copied: CopyEvent[];
let registryEvents: RegistryEvent[];
let open: (registry: FaultyRegistry, retries?: number) => Repository;

beforeEach(async () => {
  const { path, remove } = await temporaryFolder("trouble");
  onTestFinished(remove);
  const start = async (name: string) => {
    const server = await startRegistryServer({ dir: `${path}/${name}` });
    const faulty = await startFaultyRegistry(server.address);
    onTestFinished(() => server.close());
    onTestFinished(faulty.close);
    return faulty;
  };
  source = await start("source");
  destinations = await Promise.all(["one", "two", "three", "four"].map(start));
  copied = [];
  registryEvents = [];
  open = (registry, retries = 2) => {
    const registries = openRegistries(
      {
        settings: { ...defaultSettings, hosts: { [registry.host]: { retries } } },
        credentials: { lookup: async () => undefined },
        environment: {},
        listener: (event) => registryEvents.push(event),
      },
      { ...defaultTiming, firstBackoff: 10, maxBackoff: 50 },
    );
    onTestFinished(registries.close);
    return registries.repository(parseRepository(`${registry.host}/app`));
  };
});

/** Puts an image with layers of these sizes into the source. */
async function stage(...sizes: readonly number[]): Promise<ImageDocument> {
  const to = open(source);
  const push = async (content: Buffer, mediaType: string): Promise<Descriptor> => {
    const blob = { mediaType, digest: digestOf(content), size: content.length };
    await to.push(blob, async () => content);
    return blob;
  };
  const config = await push(Buffer.from("{}"), mediaTypes.ociConfig);
  const layers: Descriptor[] = [];
  for (const size of sizes) layers.push(await push(randomBytes(size), mediaTypes.ociLayer));
  const mediaType = mediaTypes.ociManifest;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  const root = { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
  await to.put(root, v1);
  return root;
}

/** Copies an image to destinations and puts it under its tag there. */
async function copy(root: ImageDocument, from: Repository, to: readonly Repository[]): Promise<void> {
  const copier = new Copier((event) => copied.push(event));
  const graph = await readGraph(from.fetch, root.descriptor.digest, from.name);
  const targets = to.map((repository) => ({ repository, empty: true }));
  const closures = copier.copyClosure({ graph, from, to: targets });
  await Promise.all(
    to.map(async (repository, position) => {
      await closures[position];
      await copier.putRoot(root, repository, [v1]);
    }),
  );
}

/** Reads everything back; a stream fails when it is not what its digest says. */
async function expectWhole(root: ImageDocument, registry: FaultyRegistry): Promise<void> {
  registry.interfere();
  const repository = open(registry);
  expect(await repository.fetch(v1)).toEqual(root);
  const { blobs } = await readGraph(repository.fetch, root.descriptor.digest, repository.name);
  for (const blob of blobs) for await (const _ of await repository.open(blob));
}

describe("a large layer whose connections break again and again", () => {
  test("arrives all the same, though there are more breaks than attempts", async () => {
    const size = 24 * MiB;
    const root = await stage(size);
    const breaks = { source: 8, destination: 8 };
    source.interfere((_, { pathname }) => {
      if (!pathname.includes("/blobs/") || breaks.source === 0) return undefined;
      breaks.source -= 1;
      return { body: "answer", at: 2.5 * MiB, how: "break" };
    });
    const [destination] = destinations;
    destination?.interfere(({ headers }) => {
      if (Number(headers["content-length"] ?? 0) < 2.5 * MiB || breaks.destination === 0) return undefined;
      breaks.destination -= 1;
      return { body: "request", at: 2.5 * MiB, how: "break" };
    });
    if (destination === undefined) return;
    // A registry under load may have written little of what a broken request brought when it is asked.
    await copy(root, open(source, 5), [open(destination, 5)]);
    expect(breaks).toEqual({ source: 0, destination: 0 });
    await expectWhole(root, destination);
  });
});

test("an upload that broke goes on, though the registry holds other bytes of it than it said", async () => {
  const root = await stage(8 * MiB);
  const [destination] = destinations;
  if (destination === undefined) return;
  // More often than there are attempts: bytes of the broken request go on arriving for as long as they are on the way.
  const seen: string[] = [];
  destination.interfere(({ method = "", headers }, { pathname }) => {
    if (Number(headers["content-length"] ?? 0) > 2.5 * MiB && !seen.includes("break")) {
      seen.push("break");
      return { body: "request", at: 2.5 * MiB, how: "break" };
    }
    if (method !== "GET" || !pathname.includes("/uploads/") || seen.length === 5) return undefined;
    seen.push("behind");
    return (response) => void response.writeHead(204, { range: "0-1048574" }).end();
  });
  await copy(root, open(source), [open(destination)]);
  expect(seen).toEqual(["break", "behind", "behind", "behind", "behind"]);
  const begun = destination.seen.filter(({ method, url }) => method === "POST" && url.endsWith("/uploads/"));
  expect(begun).toHaveLength(1);
  await expectWhole(root, destination);
});

describe("a registry that says that it has blobs, and then refuses the image for lack of them", () => {
  const isFor = ({ url }: { url: string }, path: string): boolean =>
    url.includes(`digest=${encodeURIComponent(path.split("/").at(-1) ?? "")}`);
  const isBlob = ({ pathname }: URL): boolean => pathname.includes("/blobs/sha256:");

  test("is sent what it was not sent, and the image is put once more", async () => {
    const root = await stage(2 * MiB, 3 * MiB, 100);
    const [destination] = destinations;
    if (destination === undefined) return;
    const liar: Fault = ({ method = "" }, url) =>
      method === "HEAD" && isBlob(url) ? (response) => void response.writeHead(200).end() : undefined;
    destination.interfere(liar);
    await copy(root, open(source), [open(destination)]);
    const puts = destination.seen.filter(
      ({ method, url }) => method === "PUT" && url.includes("/manifests/"),
    );
    expect(puts.at(-1)?.url).toMatch(/v1$/);
    await expectWhole(root, destination);
  });

  test("though it names none of them", async () => {
    const root = await stage(2 * MiB, 100);
    const [destination] = destinations;
    if (destination === undefined) return;
    const lied = new Set<string>();
    destination.interfere(({ method = "" }, url) => {
      if (method === "HEAD" && isBlob(url)) {
        lied.add(url.pathname);
        return (response) => void response.writeHead(200).end();
      }
      const sent = destination.seen.some((request) => [...lied].some((path) => isFor(request, path)));
      const isRefused = method === "PUT" && url.pathname.includes("/manifests/") && !sent;
      if (!isRefused) return undefined;
      return (response) => void response.writeHead(400).end('{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}');
    });
    await copy(root, open(source), [open(destination)]);
    expect(lied.size).toBe(1);
    await expectWhole(root, destination);
  });

  test("is sent them once, and its refusal stands", async () => {
    const root = await stage(100);
    const [destination] = destinations;
    if (destination === undefined) return;
    destination.interfere(({ method = "" }, url) =>
      method === "PUT" && url.pathname.includes("/manifests/")
        ? (response) =>
            void response
              .writeHead(404)
              .end(`{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","detail":{"digest":"${config.digest}"}}]}`)
        : undefined,
    );
    const config = JSON.parse(root.bytes.toString()).config;
    const failure = await copy(root, open(source), [open(destination)]).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "manifest-refused",
      digests: [config.digest],
      hint: expect.not.stringContaining("run again"),
    });
    const sent = destination.seen.filter(({ url }) => url.includes(encodeURIComponent(config.digest)));
    expect(sent).toHaveLength(2);
  });
});

test("a small blob that cannot be read is not read anew for each destination", async () => {
  const root = await stage(100);
  let reads = 0;
  source.interfere(({ method = "" }, { pathname }) => {
    if (method !== "GET" || !pathname.includes("/blobs/")) return undefined;
    reads += 1;
    return (response) => void response.writeHead(403).end();
  });
  await copy(
    root,
    open(source),
    destinations.map((registry) => open(registry)),
  ).catch(() => undefined);
  expect(reads).toBe(2);
});
