import { expect, test } from "vitest";
import type { RegistryPushEvent } from "../../src/registry-server/index.ts";
import { ask, pushBlob, pushManifest, pushSample, startForTest } from "./client.ts";
import { image, index, lastOf, randomBlob, types } from "./samples.ts";

const repository = "team/app";

test("whoever starts a registry is told of every manifest that it took in, and of none that it refused", async () => {
  const events: RegistryPushEvent[] = [];
  const { url } = await startForTest({ onPush: (event) => events.push(event) });
  const sample = index([image(), image()]);
  await pushSample(url, repository, sample, "v1");
  const [first, second, root] = sample.manifests;
  const event = (manifest: typeof root, tags: string[]) => ({
    repository,
    digest: manifest?.digest,
    mediaType: manifest?.mediaType,
    tags,
    size: manifest?.bytes.length,
  });
  expect(events).toEqual([event(first, []), event(second, []), event(root, []), event(root, ["v1"])]);

  events.length = 0;
  const several = await pushManifest(url, repository, `${root?.digest}?tag=a&tag=b`, lastOf(sample));
  expect(several.status).toBe(201);
  expect(events).toEqual([event(root, ["a", "b"])]);

  events.length = 0;
  const lonely = image();
  const refusals = [
    await pushManifest(url, repository, "v2", lastOf(lonely)),
    await pushManifest(url, repository, randomBlob().digest, lastOf(sample)),
    await pushManifest(url, repository, "no/tag", lastOf(sample)),
    await pushManifest(url, repository, "v3", { ...lastOf(sample), mediaType: types.manifest }),
  ];
  for (const { status } of refusals) expect(status).toBeGreaterThanOrEqual(400);
  await pushBlob(url, repository, randomBlob());
  await ask(url, "DELETE", `/v2/${repository}/manifests/a`);
  expect(events).toEqual([]);
});

test("who is told has the manifest with its tags on disk already", async () => {
  const answers: Promise<number>[] = [];
  const server = await startForTest({
    onPush: ({ digest, tags }) => {
      for (const name of [digest, ...tags]) {
        const path = `/v2/${repository}/manifests/${name}`;
        answers.push(ask(server.url, "HEAD", path).then(({ status }) => status));
      }
    },
  });
  await pushSample(server.url, repository, image(), "v1");
  expect(await Promise.all(answers)).toEqual([200, 200, 200]);
});
