import { afterAll, describe, expect, test, vi } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import {
  type Descriptor,
  digestOf,
  hexOf,
  mediaTypes,
  parseTag,
  readImageContent,
} from "../../src/oci/index.ts";
import {
  attachStatement,
  findProvenance,
  ProvenanceError,
  type Statement,
  slsaStatement,
} from "../../src/provenance/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { digestFor } from "../promotion/world.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { clientOf } from "../support/registry-client.ts";
import { temporaryFolder } from "../support/tree.ts";

const closing: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function embedded(behavior: { readonly referrers?: boolean }): Promise<string> {
  const folder = await temporaryFolder("provenance");
  const server = await startRegistryServer({ dir: folder.path, behavior });
  closing.push(folder.remove, () => server.close());
  return server.address;
}

async function real(): Promise<string> {
  const registry = await startDockerRegistry();
  closing.push(registry.stop);
  return registry.host;
}

function open(host: string): Repository {
  const client = clientOf(host);
  closing.push(client.close);
  return client.repository("team/app");
}

async function pushed(repository: Repository): Promise<Descriptor> {
  const image = await buildImage("app", "v1");
  await pushImage(image, repository, [parseTag("v1")]);
  return image.root.descriptor;
}

function statementAbout({ digest }: Pick<Descriptor, "digest">, id = "1"): Statement {
  return slsaStatement({
    subjects: [{ name: "team/app", digest }],
    source: { repository: "https://example.com/app", commit: "c".repeat(40), isDirty: false },
    config: "cloudbuild.yaml",
    substitutions: { _GIT_TAG: "v1" },
    engine: "buildah",
    images: [],
    run: { job: "push-app", id },
    version: "0.1.0",
    startedAt: new Date("2026-01-02T03:04:05Z"),
    finishedAt: new Date("2026-01-02T03:05:05Z"),
  });
}

/** The same door, loaded again: it knows nothing of the other one, like that of another process. */
async function anotherWriter(host: string): Promise<Repository> {
  vi.resetModules();
  const { clientOf: another } = await import("../support/registry-client.ts");
  const client = another(host);
  closing.push(client.close);
  return client.repository("team/app");
}

/** Attaches what anybody could, by hand: whatever it is about. */
async function hang(repository: Repository, subject: Descriptor, statement: Statement): Promise<void> {
  const content = Buffer.from(JSON.stringify(statement));
  const layer = {
    mediaType: "application/vnd.in-toto+json",
    digest: digestOf(content),
    size: content.length,
  };
  await repository.push(layer, async () => content);
  const { mediaType, digest, size } = subject;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: layer.mediaType,
      config: layer,
      layers: [layer],
      subject: { mediaType, digest, size },
    }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  await repository.put({ descriptor, bytes });
}

const registries = [
  { name: "the embedded registry", start: () => embedded({}), with: test },
  {
    name: "the embedded registry without a referrers API",
    start: () => embedded({ referrers: false }),
    with: test,
  },
  { name: "docker-registry", start: real, with: testWith("docker-registry") },
];

for (const { name, start, with: attempt } of registries) {
  describe(`a statement, on ${name},`, () => {
    attempt("is a referrer of its image, found and read again", async () => {
      const repository = open(await start());
      const subject = await pushed(repository);
      expect(await findProvenance(repository, subject.digest)).toBeUndefined();
      const statement = statementAbout(subject);
      const attached = await attachStatement(repository, subject, statement);
      expect(await repository.referrers(subject.digest, "application/vnd.in-toto+json")).toMatchObject([
        {
          digest: attached.digest,
          annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" },
        },
      ]);
      const document = await repository.fetch(attached.digest);
      if (document === undefined) throw new Error("it is not there");
      const content = readImageContent(document);
      expect(content).toMatchObject({
        mediaType: mediaTypes.ociManifest,
        artifactType: "application/vnd.in-toto+json",
        subject: { digest: subject.digest, mediaType: subject.mediaType, size: subject.size },
        annotations: { "org.opencontainers.image.created": "2026-01-02T03:05:05Z" },
      });
      expect(content.blobs).toMatchObject([
        { mediaType: mediaTypes.ociEmpty, size: 2 },
        {
          mediaType: "application/vnd.in-toto+json",
          annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" },
        },
      ]);
      const found = await findProvenance(repository, subject.digest);
      expect(found).toMatchObject({
        about: "image",
        way: "referrer",
        manifest: attached.digest,
        provenance: { subject: subject.digest, commit: "c".repeat(40), run: "push-app/1" },
      });
      expect(JSON.parse(found?.bytes.toString() ?? "")).toEqual(statement);
    });

    attempt("changes nothing when it is attached again", async () => {
      const repository = open(await start());
      const subject = await pushed(repository);
      const first = await attachStatement(repository, subject, statementAbout(subject));
      const before = await repository.referrers(subject.digest);
      const tag = parseTag(`sha256-${hexOf(subject.digest)}`);
      const list = await repository.resolve(tag);
      const { subject: about, predicate, ...rest } = statementAbout(subject);
      const reordered: Statement = { predicate, ...rest, subject: about };
      expect(await attachStatement(repository, subject, reordered)).toEqual(first);
      expect(await repository.referrers(subject.digest)).toEqual(before);
      expect(await repository.resolve(tag)).toEqual(list);
    });

    attempt("is kept when two processes attach at the same time", async () => {
      const host = await start();
      const writers = [open(host), await anotherWriter(host)];
      const subject = await pushed(open(host));
      const attached = await Promise.all(
        writers.flatMap((repository, writer) =>
          [1, 2, 3].map((run) =>
            attachStatement(repository, subject, statementAbout(subject, `${writer}${run}`)),
          ),
        ),
      );
      const found = await open(host).referrers(subject.digest);
      expect(found.map(({ digest }) => digest).sort()).toEqual(attached.map(({ digest }) => digest).sort());
    });
  });
}

describe("a statement", () => {
  test("is not attached to what it is not about, nor when nobody would read it", async () => {
    const repository = open(await embedded({}));
    const subject = await pushed(repository);
    const [platform] =
      (await repository.fetch(subject.digest).then((root) => root && readImageContent(root)))?.children ?? [];
    if (platform === undefined) throw new Error("the image has no platforms");
    const attaching = attachStatement(repository, subject, statementAbout(platform));
    await expect(attaching).rejects.toMatchObject({ code: "not-about-it" });
    await expect(attaching).rejects.toThrow(ProvenanceError);
    const huge = { ...statementAbout(subject), predicate: { text: "x".repeat(1024 * 1024) } };
    await expect(attachStatement(repository, subject, huge)).rejects.toMatchObject({
      code: "statement-too-large",
    });
    expect(await repository.referrers(subject.digest)).toEqual([]);
  });

  test("about a platform of an index, or about something else, is told from one about the index", async () => {
    const repository = open(await embedded({}));
    const root = await pushed(repository);
    const document = await repository.fetch(root.digest);
    const [platform] = document === undefined ? [] : readImageContent(document).children;
    if (platform === undefined) throw new Error("the image has no platforms");
    const about = (...digests: Pick<Descriptor, "digest">[]): Statement => ({
      ...statementAbout(root),
      subject: digests.map(({ digest }) => ({ name: "x", digest: { sha256: hexOf(digest) } })),
    });
    await attachStatement(repository, platform, about(platform));
    expect(await findProvenance(repository, platform.digest)).toMatchObject({ about: "image" });
    expect(await findProvenance(repository, root.digest)).toBeUndefined();
    await hang(repository, root, about({ digest: digestFor("other") }));
    expect(await findProvenance(repository, root.digest)).toMatchObject({
      about: "other",
      provenance: { subject: digestFor("other") },
    });
    await hang(repository, root, about(platform));
    expect(await findProvenance(repository, root.digest)).toMatchObject({
      about: "platform",
      provenance: { subject: platform.digest },
    });
  });
});
