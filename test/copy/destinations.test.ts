import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Copier, type CopyEvent, type ImageGraph, readGraph } from "../../src/copy/index.ts";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseRepository,
} from "../../src/oci/index.ts";
import type { Registries, Repository } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { answer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const mebibyte = 1024 * 1024;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let servers: RegistryServer[];
let staging: FaultyRegistry;
let hosts: FaultyRegistry[];
let registries: Registries;

beforeEach(async () => {
  folder = await temporaryFolder("destinations");
  const start = (name: string) => startRegistryServer({ dir: `${folder.path}/${name}` });
  servers = await Promise.all(["staging", "one", "two", "three", "four"].map(start));
  const faulty = await Promise.all(servers.map(({ address }) => startFaultyRegistry(address)));
  [staging, ...hosts] = faulty as [FaultyRegistry, ...FaultyRegistry[]];
  registries = registriesWith();
});
afterEach(async () => {
  await registries.close();
  await Promise.all([staging, ...hosts, ...servers].map((server) => server.close()));
  await folder.remove();
});

const open = ({ host }: { host: string }, path: string): Repository =>
  registries.repository(parseRepository(`${host}/${path}`));

/** Bytes that are the same in every run. */
function bytesOf(seed: string, size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < size; at += 32) blocks.push(createHash("sha256").update(`${seed} ${at}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}

async function stage(path: string, sizes: readonly number[]): Promise<ImageGraph> {
  const from = open(staging, path);
  const push = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const blob = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await from.push(blob, async () => Readable.from([bytes]));
    return blob;
  };
  const config = await push(Buffer.from("{}"), mediaTypes.ociConfig);
  const layers: Descriptor[] = [];
  for (const [index, size] of sizes.entries()) {
    layers.push(await push(bytesOf(`${path} ${index}`, size), mediaTypes.ociLayer));
  }
  const json = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const bytes = Buffer.from(JSON.stringify(json));
  const descriptor = { mediaType: json.mediaType, digest: digestOf(bytes), size: bytes.length };
  const root: ImageDocument = { descriptor, bytes };
  await from.put(root);
  return readGraph(from.fetch, descriptor.digest, from.name);
}

const blobReads = ({ seen }: FaultyRegistry, from = 0) =>
  seen.slice(from).filter(({ method, url }) => method === "GET" && url.includes("/blobs/sha"));

async function expectWhole(to: Repository, { root, blobs }: ImageGraph): Promise<void> {
  expect(await to.fetch(root.document.descriptor.digest)).toEqual(root.document);
  for (const blob of blobs) for await (const _ of await to.open(blob));
}

/** Copies to all of them, and says which failed. */
async function copyTo(graph: ImageGraph, to: readonly Repository[], events: CopyEvent[] = []) {
  const copier = new Copier((event) => events.push(event));
  const targets = to.map((repository) => ({ repository, empty: true }));
  const closures = copier.copyClosure({ graph, from: open(staging, "app"), to: targets });
  const results = await Promise.allSettled(
    closures.map(async (closure, index) => {
      await closure;
      const repository = to[index];
      if (repository !== undefined) await copier.putRoot(graph.root.document, repository, []);
    }),
  );
  return results.map(({ status }) => status);
}

describe("one image to four hosts", () => {
  test("is read once, and bytes leave for all of them at the same time", async () => {
    const graph = await stage("app", [6 * mebibyte, 3 * mebibyte, 5000]);
    const read = staging.seen.length;
    const events: CopyEvent[] = [];
    const to = hosts.map((host) => open(host, "app"));
    expect(await copyTo(graph, to, events)).toEqual(Array(4).fill("fulfilled"));
    expect(
      blobReads(staging, read)
        .map(({ url }) => url.split("/").at(-1))
        .sort(),
    ).toEqual(graph.blobs.map(({ digest }) => digest).sort());
    for (const repository of to) await expectWhole(repository, graph);
    const size = graph.blobs.reduce((sum, blob) => sum + blob.size, 0);
    const bytes = (type: "read" | "bytes") =>
      events.reduce((sum, event) => (event.type === type ? sum + event.bytes : sum), 0);
    expect({ read: bytes("read"), sent: bytes("bytes") }).toEqual({ read: size, sent: 4 * size });
  });

  test("goes to two repositories of a host by one upload and one mount", async () => {
    const graph = await stage("app", [2 * mebibyte, 100]);
    const to = hosts.slice(0, 2).flatMap((host) => [open(host, "eu/app"), open(host, "us/app")]);
    expect(await copyTo(graph, to)).toEqual(Array(4).fill("fulfilled"));
    for (const { seen } of hosts.slice(0, 2)) {
      const mounts = seen.filter(({ url }) => url.includes("mount="));
      expect(mounts).toHaveLength(graph.blobs.length);
    }
    for (const repository of to) await expectWhole(repository, graph);
  });

  test("reaches three when the fourth refuses everything", async () => {
    const graph = await stage("app", [3 * mebibyte, 100]);
    hosts[3]?.interfere((request) =>
      request.method === "GET" || request.method === "HEAD" ? undefined : (response) => answer(response, 403),
    );
    const read = staging.seen.length;
    const to = hosts.map((host) => open(host, "app"));
    expect(await copyTo(graph, to)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
    expect(blobReads(staging, read)).toHaveLength(graph.blobs.length);
    for (const repository of to.slice(0, 3)) await expectWhole(repository, graph);
  });

  test("gives one whose connection breaks what it lacks from another, not from the source again", async () => {
    const graph = await stage("app", [3 * mebibyte]);
    let broken = 0;
    hosts[2]?.interfere((request) => {
      if (request.method !== "PUT" || !request.url?.includes("/blobs/") || broken > 0) return undefined;
      broken += 1;
      return "break";
    });
    const read = staging.seen.length;
    const to = hosts.map((host) => open(host, "app"));
    expect(await copyTo(graph, to)).toEqual(Array(4).fill("fulfilled"));
    expect(broken).toBe(1);
    expect(blobReads(staging, read)).toHaveLength(graph.blobs.length);
    for (const repository of to) await expectWhole(repository, graph);
  });
});
