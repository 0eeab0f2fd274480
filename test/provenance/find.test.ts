import { afterAll, describe, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseTag,
  referrersTag,
} from "../../src/oci/index.ts";
import {
  attachStatement,
  findProvenance,
  type Statement,
  slsaStatement,
} from "../../src/provenance/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { clientOf, withOwn } from "../support/registry-client.ts";
import { temporaryFolder } from "../support/tree.ts";

const closing: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A repository on a registry without a referrers API. */
async function open(): Promise<Repository> {
  const folder = await temporaryFolder("provenance");
  const server = await startRegistryServer({ dir: folder.path, behavior: { referrers: false } });
  const client = clientOf(server.address);
  closing.push(folder.remove, () => server.close(), client.close);
  return client.repository("team/app");
}

async function pushed(repository: Repository, name = "app"): Promise<Descriptor> {
  const image = await buildImage(name, "v1");
  await pushImage(image, repository, [parseTag(name)]);
  return image.root.descriptor;
}

function statementAbout({ digest }: Pick<Descriptor, "digest">, id = "1"): Statement {
  return slsaStatement({
    subjects: [{ name: "team/app", digest }],
    source: { repository: "https://example.com/app", commit: "c".repeat(40), isDirty: false },
    config: "cloudbuild.yaml",
    substitutions: {},
    engine: "buildah",
    images: [],
    run: { job: "push-app", id },
    version: "0.1.0",
    startedAt: new Date("2026-01-02T03:04:05Z"),
    finishedAt: new Date("2026-01-02T03:05:05Z"),
  });
}

function listOf(entries: readonly object[]): ImageDocument {
  const { ociIndex: mediaType } = mediaTypes;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries }));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** Writes a list of referrers as another client would. */
const listing = (repository: Repository, subject: Descriptor, ...entries: readonly object[]) =>
  repository.put(listOf(entries), referrersTag(subject.digest));

describe("provenance", () => {
  test("is found where an older client has listed it without saying what it is", async () => {
    const repository = await open();
    const subject = await pushed(repository);
    const { mediaType, digest, size } = await attachStatement(repository, subject, statementAbout(subject));
    for (const artifactType of [mediaTypes.ociEmpty, undefined, ""]) {
      await listing(repository, subject, { mediaType, digest, size, artifactType });
      expect(await findProvenance(repository, subject.digest)).toMatchObject({ way: "referrer" });
      // As a registry's own list would say it.
      const api = withOwn(repository, { referrers: async () => [{ mediaType, digest, size }] });
      expect(await findProvenance(api, subject.digest)).toMatchObject({ way: "referrer" });
    }
  });

  test("of something else is not an image's because a list says so", async () => {
    const repository = await open();
    const [subject, other] = [await pushed(repository), await pushed(repository, "other")];
    const entry = await attachStatement(repository, other, statementAbout(other));
    await listing(repository, subject, entry);
    expect(await findProvenance(repository, subject.digest)).toBeUndefined();
    const api = withOwn(repository, { referrers: async () => [entry] });
    expect(await findProvenance(api, subject.digest)).toBeUndefined();
  });

  test("is not looked for among the platforms, where the referrers tag is that of the image itself", async () => {
    const repository = await open();
    const image = await buildImage("app", "v1");
    const tag = referrersTag(image.root.descriptor.digest);
    await pushImage(image, repository, [parseTag("v1"), tag]);
    expect(await repository.referrers(image.root.descriptor.digest)).toEqual([]);
    expect(await findProvenance(repository, image.root.descriptor.digest)).toBeUndefined();
  });

  test("is not called absent when more is attached than is read", async () => {
    const repository = await open();
    const subject = await pushed(repository);
    const attached = await attachStatement(repository, subject, statementAbout(subject));
    const others = Array.from({ length: 20 }, (_, at) => ({
      ...listOf([{ at }]).descriptor,
      artifactType: "application/vnd.in-toto+json",
    }));
    let read = 0;
    const flooded = withOwn(repository, {
      referrers: async () => [...others, { ...attached, annotations: {} }],
      fetch: (target) => {
        read += 1;
        return repository.fetch(target);
      },
    });
    await expect(findProvenance(flooded, subject.digest)).rejects.toMatchObject({ code: "too-large" });
    expect(read).toBeLessThan(15);
    const annotations = { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" };
    const told = withOwn(repository, {
      referrers: async () => [...others, { ...attached, annotations }],
    });
    expect(await findProvenance(told, subject.digest)).toMatchObject({ way: "referrer" });
  });
});
