import { expect, test } from "vitest";
import type { Running } from "../support/child.ts";
import { openRandom } from "../support/random.ts";
import { startRegistryProcess } from "./child-registry.ts";
import { type Answer, ask, pushBlob, pushManifest, temporaryFolder } from "./client.ts";
import { artifact, describe as descriptor, digestOf, image, index, lastOf, types } from "./samples.ts";

const rounds = 12;
const writers = 4;

/** What a tag may stand for: what was last confirmed, or what was sent and never answered. */
interface TagPromise {
  confirmed: string | undefined;
  sent: string | undefined;
}

/** What clients were told is done. */
interface Promises {
  /** `repository:tag`. */
  readonly tags: Map<string, TagPromise>;
  /** `repository@digest` of every manifest that was confirmed, and that nobody has asked to delete. */
  readonly manifests: Set<string>;
}

/** Pushes, tags, moves tags, attaches and deletes, until the registry is gone. */
async function write(
  url: string,
  repository: string,
  writer: number,
  { promises, random }: { readonly promises: Promises; readonly random: () => number },
): Promise<void> {
  const names = ["v1", "V1", "latest"];
  for (;;) {
    const sample = index([image({ layerBytes: 40_000 }), image({ layers: 1 })]);
    const last = lastOf(sample);
    const tag = `${names[Math.floor(random() * names.length)]}-${writer}`;
    for (const blob of sample.blobs) {
      const push = random() < 0.5 ? pushBlob : pushInTwoParts;
      done(await push(url, repository, blob), 201);
    }
    for (const manifest of sample.manifests.slice(0, -1)) {
      done(await pushManifest(url, repository, manifest.digest, manifest), 201);
      promises.manifests.add(`${repository}@${manifest.digest}`);
    }
    const promise = promises.tags.get(`${repository}:${tag}`) ?? { confirmed: undefined, sent: undefined };
    promises.tags.set(`${repository}:${tag}`, promise);
    promise.sent = last.digest;
    done(await pushManifest(url, repository, tag, last), 201);
    promise.confirmed = last.digest;
    promises.manifests.add(`${repository}@${last.digest}`);
    const attached = artifact("application/vnd.example.note", { subject: descriptor(types.index, last) });
    for (const blob of attached.blobs) done(await pushBlob(url, repository, blob), 201);
    done(await pushManifest(url, repository, lastOf(attached).digest, lastOf(attached)), 201);
    promises.manifests.add(`${repository}@${lastOf(attached).digest}`);
    if (random() < 0.3) {
      promises.manifests.delete(`${repository}@${lastOf(attached).digest}`);
      done(await ask(url, "DELETE", `/v2/${repository}/manifests/${lastOf(attached).digest}`), 202);
    }
  }
}

async function pushInTwoParts(url: string, repository: string, blob: { bytes: Uint8Array; digest: string }) {
  const begun = await ask(url, "POST", `/v2/${repository}/blobs/uploads/`);
  done(begun, 202);
  const path = String(begun.headers.location);
  const half = Math.floor(blob.bytes.length / 2);
  done(await ask(url, "PATCH", path, { body: blob.bytes.subarray(0, half) }), 202);
  return ask(url, "PUT", `${path}?digest=${blob.digest}`, { body: blob.bytes.subarray(half) });
}

const moment = { whenDone: () => {} };

function done(answer: Answer, status: number): void {
  if (answer.status !== status) throw new Error(`${answer.status}, not ${status}: ${answer.body}`);
  moment.whenDone();
}

interface Entry {
  readonly digest: string;
  readonly mediaType: string;
}

/** Pulls the manifest and everything below it, and hashes it all. */
async function expectWhole(url: string, repository: string, reference: string): Promise<void> {
  const answer = await ask(url, "GET", `/v2/${repository}/manifests/${reference}`);
  expect(`${reference} ${answer.status}`).toBe(`${reference} 200`);
  expect(digestOf(answer.body)).toBe(answer.headers["docker-content-digest"]);
  const json = JSON.parse(answer.body.toString("utf8")) as {
    manifests?: Entry[];
    config?: Entry;
    layers?: Entry[];
  };
  for (const child of json.manifests ?? []) await expectWhole(url, repository, child.digest);
  for (const { digest } of [...(json.config ? [json.config] : []), ...(json.layers ?? [])]) {
    const blob = await ask(url, "GET", `/v2/${repository}/blobs/${digest}`);
    expect([blob.status, digestOf(blob.body)]).toEqual([200, digest]);
  }
}

/** Everything that can be seen is whole, and everything that was promised can be seen. */
async function expectConsistent(url: string, promises: Promises): Promise<void> {
  const catalog = await getJson<{ repositories: string[] }>(url, "/v2/_catalog");
  for (const repository of catalog.repositories) {
    const { tags } = await getJson<{ tags: string[] }>(url, `/v2/${repository}/tags/list`);
    for (const tag of tags) {
      await expectWhole(url, repository, tag);
      expect(promises.tags.has(`${repository}:${tag}`)).toBe(true);
    }
  }
  for (const [name, promise] of promises.tags) {
    const [repository, tag] = name.split(":");
    const { headers } = await ask(url, "HEAD", `/v2/${repository}/manifests/${tag}`);
    const digest = headers["docker-content-digest"] as string | undefined;
    expect([promise.confirmed, promise.sent]).toContain(digest);
    promise.confirmed = digest;
    promise.sent = digest;
    if (digest === undefined) continue;
    const { manifests } = await getJson<{ manifests: Entry[] }>(url, `/v2/${repository}/referrers/${digest}`);
    for (const referrer of manifests) await expectWhole(url, String(repository), referrer.digest);
  }
  for (const promised of promises.manifests) {
    const [repository, digest] = promised.split("@");
    const { status } = await ask(url, "HEAD", `/v2/${repository}/manifests/${digest}`);
    expect([promised, status]).toEqual([promised, 200]);
  }
}

async function getJson<T>(url: string, path: string): Promise<T> {
  const answer = await ask(url, "GET", path);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body.toString("utf8")) as T;
}

test(`killed ${rounds} times while clients write, it shows nothing half done and forgets nothing`, async () => {
  const random = openRandom();
  const dir = await temporaryFolder();
  const promises: Promises = { tags: new Map(), manifests: new Set() };
  let registry: Running = await startRegistryProcess(dir);
  try {
    for (let round = 0; round < rounds; round += 1) {
      const url = registry.firstLine;
      const writing = Promise.allSettled(
        Array.from({ length: writers }, (_, at) => write(url, `team/app${at % 3}`, at, { promises, random })),
      );
      // After so many answers, however long they take; by the first ones, some manifest has been confirmed.
      let left = round === 0 ? 100 : 1 + Math.floor(random() * 150);
      const isDue = new Promise<void>((resolve) => {
        moment.whenDone = () => {
          left -= 1;
          if (left === 0) resolve();
        };
      });
      await Promise.race([isDue, writing]);
      await registry.kill();
      for (const end of await writing) {
        // They end with the connection, never with an answer they did not expect.
        expect(String(end.status === "rejected" ? end.reason : "")).toMatch(/ECONN|hang up|EPIPE/);
      }
      registry = await startRegistryProcess(dir);
      await expectConsistent(registry.firstLine, promises);
    }
    expect(promises.manifests.size).toBeGreaterThan(0);
  } finally {
    await registry.kill();
  }
}, 180_000);
