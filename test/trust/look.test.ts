import { afterAll, describe, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import {
  type Descriptor,
  describeBytes,
  digestOf,
  mediaTypes,
  parseRepository,
  parseTag,
  referrersTag,
} from "../../src/oci/index.ts";
import { openLayout, type Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { openVerifier, sigstoreLimits } from "../../src/sigstore/index.ts";
import { type Attachment, type AttachmentTree, openTrust, readAttachments } from "../../src/trust/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { clientOf, openScripted, withOwn } from "../support/registry-client.ts";
import { answer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import {
  bundle,
  bundleType,
  envelope,
  pushBuildKitImage,
  refer,
  signed,
  simpleSigning,
  slsa,
  statement,
  tagAlong,
} from "./attach.ts";

const closing: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Store {
  readonly repository: Repository;
  readonly requests: () => string[];
}

async function embedded(referrers: boolean): Promise<Store> {
  const folder = await temporaryFolder("look");
  const server = await startRegistryServer({ dir: folder.path, behavior: { referrers } });
  const client = clientOf(server.address);
  closing.push(folder.remove, () => server.close(), client.close);
  return { repository: client.repository("team/app"), requests: client.requests };
}

const stores: Readonly<Record<string, () => Promise<Store>>> = {
  "a registry with the referrers API": () => embedded(true),
  "a registry without the referrers API": () => embedded(false),
  "docker-registry": async () => {
    const server = await startDockerRegistry();
    const client = clientOf(server.host);
    closing.push(() => server.stop(), client.close);
    return { repository: client.repository("team/app"), requests: client.requests };
  },
  "an image layout": async () => {
    const folder = await temporaryFolder("look");
    closing.push(folder.remove);
    const repository = openLayout(folder.path, parseRepository("oci.example/app"));
    return { repository, requests: () => [] };
  },
};

async function pushedImage(repository: Repository, name = "app") {
  const image = await buildImage(name, "v1");
  await pushImage(image, repository, [parseTag(name)]);
  const children = image.children.map(({ descriptor }) => descriptor);
  const [first, second] = children as [Descriptor, Descriptor];
  return { root: image.root.descriptor, first, second };
}

/** What is told of attachments, short. */
const shortOf = (attachments: readonly Attachment[]): readonly string[] =>
  attachments
    .map(({ way, format, readings }) =>
      [
        way,
        format,
        ...readings.map(({ signature, statement: said }) =>
          [signature.state, said?.predicateType].filter(Boolean).join(" "),
        ),
      ].join(": "),
    )
    .sort();

const codes = ({ unread }: AttachmentTree) => unread.map(({ code }) => code);

describe.each(Object.keys(stores))("what hangs on an image in %s", (name) => {
  test("is read over all layouts, platforms and levels, each manifest once", async () => {
    const { repository } = await (stores[name] as () => Promise<Store>)();
    const { root, first, second, attestation } = await pushBuildKitImage(repository);
    await refer(repository, root, bundle(root.digest, signed));
    const versioned = "application/vnd.dev.sigstore.bundle+json;version=0.3";
    await refer(repository, root, bundle(root.digest, slsa, { type: versioned }));
    const sbom = await refer(repository, root, {
      artifactType: "application/spdx+json",
      layers: [{ mediaType: "application/spdx+json", bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }],
    });
    await refer(repository, sbom, bundle(sbom.digest, signed));
    for (const form of [{ artifactType: "application/vnd.cncf.notary.signature" }, {}]) {
      await refer(repository, root, {
        ...form,
        ...("artifactType" in form ? {} : { configType: "application/vnd.cncf.notary.signature" }),
        layers: [{ mediaType: "application/jose+json", bytes: Buffer.from("{}") }],
      });
    }
    await refer(repository, second, {
      configType: "application/vnd.dev.cosign.artifact.sig.v1+json",
      layers: [simpleSigning(second.digest)],
    });
    await tagAlong(repository, root.digest, "sig", [simpleSigning(root.digest), simpleSigning(first.digest)]);
    await tagAlong(repository, root.digest, "att", [
      { mediaType: "application/vnd.dsse.envelope.v1+json", bytes: envelope(root.digest, slsa) },
    ]);
    const parts = await tagAlong(repository, first.digest, "sbom", [
      { mediaType: "application/vnd.cyclonedx+json", bytes: Buffer.from("{}") },
    ]);
    await tagAlong(repository, parts.digest, "sig", [simpleSigning(parts.digest)]);

    const tree = await readAttachments(repository, root.digest);
    expect(tree.unread).toEqual([]);
    expect(shortOf(tree.attachments)).toEqual(
      [
        `referrer: sigstore-bundle: unverifiable ${signed}`,
        `referrer: sigstore-bundle: unverifiable ${slsa}`,
        "referrer: sbom: unsigned https://spdx.dev/Document",
        "referrer: notation: unverifiable",
        "referrer: notation: unverifiable",
        // The second signature is another image's.
        `tag: cosign-signature: unverifiable ${signed}: failed ${signed}`,
        `tag: cosign-attestation: unverifiable ${slsa}`,
      ].sort(),
    );
    const ofSbom = tree.attachments.find(({ manifest }) => manifest.digest === sbom.digest);
    expect(shortOf(ofSbom?.attachments ?? [])).toEqual([`referrer: sigstore-bundle: unverifiable ${signed}`]);
    expect(tree.platforms.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
    const [ofFirst, ofSecond] = tree.platforms.map((platform) => platform.tree);
    expect(shortOf(ofFirst?.attachments ?? [])).toEqual([
      `index: buildkit-attestation: unsigned ${slsa}: unsigned https://spdx.dev/Document`,
      "tag: cosign-sbom: unsigned https://cyclonedx.org/bom",
    ]);
    expect(
      ofFirst?.attachments.filter(({ manifest }) => manifest.digest === attestation.digest),
    ).toHaveLength(1);
    expect(shortOf(ofFirst?.attachments.flatMap(({ attachments }) => attachments) ?? [])).toEqual([
      `tag: cosign-signature: unverifiable ${signed}`,
    ]);
    expect(shortOf(ofSecond?.attachments ?? [])).toEqual([
      `referrer: cosign-signature: unverifiable ${signed}`,
    ]);
  });

  test("is nothing where nothing hangs", async () => {
    const { repository } = await (stores[name] as () => Promise<Store>)();
    const { root } = await pushedImage(repository);
    const tree = await readAttachments(repository, root.digest);
    expect(tree).toMatchObject({ attachments: [], unread: [], root: { digest: root.digest } });
    expect(tree.platforms.map((platform) => platform.tree.attachments)).toEqual([[], []]);
  });
});

describe("what hangs on an image", () => {
  test("is not what a list says, where the manifest is about another image", async () => {
    const { repository } = await embedded(true);
    const [image, other] = [await pushedImage(repository), await pushedImage(repository, "other")];
    const stray = await refer(repository, other.root, bundle(other.root.digest, signed));
    const lying = withOwn(repository, { referrers: async () => [stray] });
    const tree = await readAttachments(lying, image.root.digest);
    expect(tree).toMatchObject({ attachments: [], unread: [] });
  });

  test("is not asked for in a circle", async () => {
    const { repository } = await embedded(true);
    const { first } = await pushedImage(repository);
    const one = await refer(repository, first, bundle(first.digest, signed));
    const two = await refer(repository, one, bundle(one.digest, signed));
    let asked = 0;
    const circular = withOwn(repository, {
      referrers: async () => {
        asked += 1;
        return [one, two, first];
      },
    });
    const tree = await readAttachments(circular, first.digest);
    expect(tree.unread).toEqual([]);
    expect(tree.attachments.map(({ manifest }) => manifest.digest)).toEqual([one.digest]);
    expect(asked).toBeLessThan(5);
  });

  test("is told to be more than is looked at, and never to be nothing: the most specific is looked at first", async () => {
    const { repository } = await embedded(true);
    const { first } = await pushedImage(repository);
    const signature = await refer(repository, first, bundle(first.digest, signed));
    const flood = Array.from({ length: 10_000 }, (_, at) => ({
      ...describeBytes(mediaTypes.ociManifest, Buffer.from(`${at}`)),
      artifactType: bundleType,
    }));
    let fetched = 0;
    const flooded = withOwn(repository, {
      referrers: async (of) =>
        of !== first.digest
          ? []
          : [...flood, { ...signature, ...bundle(first.digest, signed) } as Descriptor],
      fetch: (target) => {
        fetched += 1;
        return repository.fetch(target);
      },
    });
    const tree = await readAttachments(flooded, first.digest);
    expect(tree.attachments.map(({ manifest }) => manifest.digest)).toEqual([signature.digest]);
    expect(codes(tree)).toContain("too-large");
    expect(tree.unread.map(({ message }) => message)).toContain(
      "of 10001 manifests that are attached to it, 9937 are not looked at",
    );
    expect(fetched).toBeLessThan(80);
  });

  test("is not read where it is too large", async () => {
    const { repository } = await embedded(true);
    const { first } = await pushedImage(repository);
    const attestation = await refer(repository, first, bundle(first.digest, slsa));
    let opened = 0;
    const huge = withOwn(repository, {
      fetch: async (target) => {
        const document = await repository.fetch(target);
        if (document === undefined || target !== attestation.digest) return document;
        const text = Buffer.from(document.bytes).toString();
        const bytes = Buffer.from(text.replace(/("layers":.*?"size":)\d+/, `$1${2 ** 30}`));
        return { bytes, descriptor: document.descriptor };
      },
      open: (blob) => {
        opened += 1;
        return repository.open(blob);
      },
    });
    const tree = await readAttachments(huge, first.digest);
    expect(tree.attachments).toMatchObject([{ readings: [], failure: { code: "too-large" } }]);
    expect(opened).toBe(0);
  });

  test("is told by its type alone where it is long and nobody vouches for it", async () => {
    const { repository } = await embedded(true);
    const { first } = await pushedImage(repository);
    const many = Array.from({ length: sigstoreLimits.jsonValues }, () => 0);
    await refer(repository, first, bundle(first.digest, slsa, { predicate: many }));
    const inToto = "application/vnd.in-toto+json";
    const bytes = Buffer.from(JSON.stringify(statement(first.digest, slsa, many)));
    await refer(repository, first, { artifactType: inToto, layers: [{ mediaType: inToto, bytes }] });
    const { attachments } = await readAttachments(repository, first.digest);
    const told = { statement: { predicateType: slsa, predicate: undefined } };
    const states = attachments.flatMap(({ readings }) => readings.map(({ signature }) => signature.state));
    expect(attachments).toMatchObject([{ readings: [told] }, { readings: [told] }]);
    expect(states.toSorted()).toEqual(["unsigned", "unverifiable"]);
  });

  test("is unread where it has more values than there is memory for", async () => {
    const { repository } = await embedded(true);
    const { first } = await pushedImage(repository);
    const many = Buffer.from(`[${"{},".repeat(sigstoreLimits.jsonValues)}0]`);
    await refer(repository, first, {
      artifactType: bundleType,
      layers: [{ mediaType: bundleType, bytes: many }],
    });
    const { attachments } = await readAttachments(repository, first.digest);
    expect(attachments).toMatchObject([{ readings: [], failure: { code: "too-large" } }]);
  });

  test("is told by its type alone where nobody vouches for it and there is no room for the rest", async () => {
    const { repository } = await embedded(true);
    const { first } = await pushedImage(repository);
    await refer(repository, first, bundle(first.digest, slsa, { predicate: ["x".repeat(4096)] }));
    const reading = async (otherMemory: number) =>
      (await readAttachments(repository, first.digest, { limits: { otherMemory } })).attachments[0]
        ?.readings[0];
    expect((await reading(8192))?.statement?.predicate).toEqual(["x".repeat(4096)]);
    expect(await reading(4096)).toMatchObject({
      signature: { state: "unverifiable" },
      statement: { predicateType: slsa, predicate: undefined },
    });
  });

  test("is unread where somebody vouches for it and there is no room for it", async () => {
    const { repository } = await embedded(true);
    const { first } = await pushedImage(repository);
    await refer(repository, first, bundle(first.digest, slsa, { predicate: ["x".repeat(4096)] }));
    const own = openVerifier({});
    const signature = { state: "verified", by: { kind: "key", fingerprint: "ab" } } as const;
    const verifier = {
      ...own,
      bundle: async (...of: Parameters<typeof own.bundle>) => ({ ...(await own.bundle(...of)), signature }),
    };
    const look = (verifiedMemory: number) =>
      readAttachments(repository, first.digest, { verifier, limits: { verifiedMemory } });
    expect((await look(8192)).attachments).toMatchObject([{ readings: [{ signature }] }]);
    expect((await look(4096)).attachments).toMatchObject([{ readings: [], failure: { code: "too-large" } }]);
  });

  test("is unread, and the rest is read, where something cannot be read", async () => {
    const { repository } = await embedded(true);
    const { root, first } = await pushedImage(repository);
    await refer(repository, first, bundle(first.digest, slsa));
    const gone = describeBytes(mediaTypes.ociManifest, Buffer.from("gone"));
    const broken = withOwn(repository, {
      referrers: async (of) => {
        if (of === root.digest) throw new Error("broken");
        return [...(await repository.referrers(of)), ...(of === first.digest ? [gone] : [])];
      },
    });
    const tree = await readAttachments(broken, root.digest);
    expect(codes(tree)).toEqual(["internal"]);
    expect(tree.platforms[0]?.tree).toMatchObject({
      attachments: [{ format: "sigstore-bundle" }],
      unread: [{ code: "manifest-missing" }],
    });
    const absent = await readAttachments(repository, digestOf(Buffer.from("absent")));
    expect(codes(absent)).toEqual(["manifest-missing"]);
  });

  test("is false where it is about something else, signed or not", async () => {
    const { repository } = await embedded(true);
    const { first, second } = await pushedImage(repository);
    await refer(repository, first, bundle(first.digest, slsa, { about: second.digest }));
    const plain = Buffer.from(JSON.stringify(statement(second.digest, slsa)));
    const inToto = "application/vnd.in-toto+json";
    await refer(repository, first, { artifactType: inToto, layers: [{ mediaType: inToto, bytes: plain }] });
    const { attachments } = await readAttachments(repository, first.digest);
    expect(shortOf(attachments)).toEqual([
      `referrer: in-toto: failed ${slsa}`,
      `referrer: sigstore-bundle: failed ${slsa}`,
    ]);
  });

  test.each<[string, object]>([
    ["marked as a statement", { annotations: { "vnd.docker.reference.type": "attestation-manifest" } }],
    ["marked as anything", { annotations: { "vnd.docker.reference.type": "x" } }],
    ["of no platform, and not marked", { platform: { os: "unknown", architecture: "unknown" } }],
    [
      "of no platform, and marked as something else",
      {
        platform: { os: "unknown", architecture: "unknown" },
        annotations: { "vnd.docker.reference.type": "x" },
      },
    ],
  ])("has to hang on an image of the index as well that is %s", async (_, more) => {
    const { repository } = await embedded(true);
    const { first, second } = await pushedImage(repository);
    await refer(repository, second, bundle(second.digest, signed));
    const { ociIndex: mediaType } = mediaTypes;
    const manifests = [
      { ...first, platform: { os: "linux", architecture: "amd64" }, ...more },
      { ...second, platform: { os: "linux", architecture: "arm64" } },
    ];
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    const { digest } = describeBytes(mediaType, bytes);
    await repository.put({ bytes, descriptor: describeBytes(mediaType, bytes) });
    const tree = await readAttachments(repository, digest);
    expect(tree.platforms.map(({ tree: { root } }) => root.digest)).toEqual([first.digest, second.digest]);
    const at = { file: "policy.yaml", line: 1, column: 1 };
    const demand = { kind: "sbom" } as const;
    const policy = { name: "rule", at, mode: "require", covers: {}, demand, exceptions: [] } as const;
    const trust = openTrust({ open: () => repository, policies: [policy] });
    await refer(repository, second, {
      artifactType: "application/spdx+json",
      layers: [{ mediaType: "application/spdx+json", bytes: Buffer.from("{}") }],
    });
    const image = { digest, source: repository.name, destinations: [], project: "" };
    expect(await trust.judge(image)).toMatchObject([{ outcome: "missing" }]);
  });

  test("is in a chart itself, signed by Helm", async () => {
    const { repository } = await embedded(true);
    const chart = await refer(repository, (await pushedImage(repository)).first, {
      configType: "application/vnd.cncf.helm.config.v1+json",
      layers: [
        { mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip", bytes: Buffer.from("chart") },
        { mediaType: "application/vnd.cncf.helm.chart.provenance.v1.prov", bytes: Buffer.from("PGP") },
      ],
    });
    const { attachments } = await readAttachments(repository, chart.digest);
    expect(shortOf(attachments)).toEqual(["layer: helm-provenance: unverifiable"]);
  });

  test("is asked for with as few requests as there can be", async () => {
    const { repository, requests } = await embedded(true);
    const { first } = await pushedImage(repository);
    await refer(repository, first, bundle(first.digest, signed));
    const before = requests().length;
    await readAttachments(repository, first.digest, { tags: new Set(["v1"]) });
    // The image, its referrers, the bundle's manifest, its content, and what refers to the bundle.
    expect(requests().slice(before).sort()).toEqual(
      ["manifest-get", "referrers", "manifest-get", "blob-get", "referrers"].sort(),
    );
  });

  test("is read once in a run, whoever asks", async () => {
    const { repository, requests } = await embedded(true);
    const { root, first } = await pushedImage(repository);
    await refer(repository, first, bundle(first.digest, signed));
    const trust = openTrust({ open: () => repository });
    const trees = await Promise.all([
      trust.attachments(repository.name, root.digest),
      trust.attachments(repository.name, root.digest),
    ]);
    expect(trees[0]).toBe(trees[1]);
    const before = requests().length;
    await trust.attachments(repository.name, root.digest);
    expect(requests().length).toBe(before);
    // The second image needs no second list of tags.
    await trust.attachments(repository.name, first.digest);
    expect(
      requests()
        .slice(before)
        .filter((kind) => kind === "tags"),
    ).toEqual([]);
  });
});

describe("what hangs on an image that a registry floods", () => {
  const manifest = (json: object) => {
    const { ociManifest: mediaType, ociEmpty } = mediaTypes;
    const config = describeBytes(ociEmpty, Buffer.from("{}"));
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], ...json }));
    return { bytes, descriptor: describeBytes(mediaType, bytes) };
  };
  const image = manifest({});
  const { mediaType, digest, size } = image.descriptor;
  const listOf = (manifests: readonly object[]) =>
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  const flood = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) =>
      describeBytes(mediaTypes.ociManifest, Buffer.from(`${from + at}`)),
    );

  test("over pages of the referrers API is bounded: the one signature is found, and the rest is unread", async () => {
    const signature = manifest({
      artifactType: bundleType,
      subject: { mediaType, digest, size },
      layers: [],
    });
    const { repository, server } = await openScripted((_, response, url) => {
      const { ociManifest, ociIndex } = mediaTypes;
      const [, asked] = url.pathname.split("/manifests/");
      if (asked === digest) return answer(response, 200, { "content-type": ociManifest }, image.bytes);
      if (asked === signature.descriptor.digest) {
        return answer(response, 200, { "content-type": ociManifest }, signature.bytes);
      }
      if (!url.pathname.endsWith(`/referrers/${digest}`)) {
        const isList = url.pathname.includes("/referrers/");
        return isList
          ? answer(response, 200, { "content-type": ociIndex }, listOf([]))
          : answer(response, 404, {}, JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN" }] }));
      }
      const page = Number(url.searchParams.get("page") ?? 0);
      const link = `<${url.pathname}?page=${page + 1}>; rel="next"`;
      const last = { ...signature.descriptor, artifactType: bundleType };
      const entries = [...flood(page * 1000, 1000), ...(page === 9 ? [last] : [])];
      const headers = { "content-type": ociIndex, ...(page < 9 ? { link } : {}) };
      return answer(response, 200, headers, listOf(entries));
    });
    const tree = await readAttachments(repository(), digest);
    expect(tree.attachments.map((each) => each.manifest.digest)).toEqual([signature.descriptor.digest]);
    expect(codes(tree)).toContain("too-large");
    expect(server.seen.length).toBeLessThan(100);
  });

  test("under the tag for lists of referrers is too much, which is not nothing", async () => {
    const { repository } = await openScripted((_, response, url) => {
      const [, asked = ""] = url.pathname.split("/manifests/");
      const { ociManifest, ociIndex } = mediaTypes;
      if (asked === digest) return answer(response, 200, { "content-type": ociManifest }, image.bytes);
      if (asked === referrersTag(digest)) {
        return answer(response, 200, { "content-type": ociIndex }, listOf(flood(0, 10_000)));
      }
      return answer(response, 404, {}, JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN" }] }));
    });
    const tree = await readAttachments(repository(), digest);
    expect(tree.attachments).toEqual([]);
    expect(codes(tree)).toEqual(["too-large"]);
  });
});
