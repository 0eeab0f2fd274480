import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { defaultTiming } from "../../src/http/timing.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import {
  type Descriptor,
  type Digest,
  describeBytes,
  mediaTypes,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import { promote } from "../../src/promotion/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { openRegistries } from "../../src/registry/registries.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import {
  bundleMediaType,
  openSigner,
  type Signer,
  signatureStatement,
  simpleSigningPayload,
  statementAbout,
  statementBytes,
} from "../../src/signing/index.ts";
import {
  openVerifier,
  type PublicKey,
  publicKeyOf,
  type SignatureVerifier,
} from "../../src/sigstore/index.ts";
import { type Attachment, type AttachmentTree, openTrust, readAttachments } from "../../src/trust/index.ts";
import { privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { refer, slsa, tagAlong } from "../trust/attach.ts";
import { runPeer, testWithPeers } from "./peers.ts";

/** Fifty when it is asked for; fewer among all other tests, of which each kind is there twice. */
const count = Number(process.env.WAYBILL_IMAGES ?? 6);
const atOnce = pLimit(8);
const withinMilliseconds = 300_000;
const sign = "https://sigstore.dev/cosign/sign/v1";
const spdx = "application/spdx+json";

describe("images, signed, attested and with SBOMs", { timeout: withinMilliseconds }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let verifier: SignatureVerifier;
  let signer: Signer;
  let key: PublicKey;
  let last = "";
  const closing: (() => Promise<unknown>)[] = [];
  const digests: Digest[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder("fifty");
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await writeFile(join(folder.path, "key.pem"), privatePem(privateKey));
    await writeFile(join(folder.path, "key.pub"), publicKey.export({ format: "pem", type: "spki" }));
    key = publicKeyOf(publicKey, "key.pub", "release");
    verifier = openVerifier({ keys: [key] });
    signer = openSigner("release", { key: join(folder.path, "key.pem") }, signingServices());
  });
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
    await folder.remove();
  });

  /** An index whose one entry is an index. */
  async function nest(repository: Repository, inner: Descriptor): Promise<Descriptor> {
    const { mediaType, digest, size } = inner;
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [{ mediaType, digest, size }],
      }),
    );
    const descriptor = describeBytes(mediaTypes.ociIndex, bytes);
    await repository.put({ descriptor, bytes });
    return descriptor;
  }

  async function attachAll(repository: Repository, subject: Descriptor, number: number): Promise<void> {
    const { digest } = subject;
    const bundle = async (statement: Uint8Array, predicateType: string) => ({
      artifactType: bundleMediaType,
      layers: [{ mediaType: bundleMediaType, bytes: await signer.bundle(statement) }],
      annotations: { "dev.sigstore.bundle.predicateType": predicateType },
    });
    await refer(repository, subject, await bundle(statementBytes(signatureStatement({ digest })), sign));
    const provenance = statementAbout({ digest }, slsa, { buildDefinition: {}, runDetails: {} });
    await refer(repository, subject, await bundle(statementBytes(provenance), slsa));
    const text = Buffer.from(`{"spdxVersion":"SPDX-2.3","name":"${number}"}`);
    const sbom = await refer(repository, subject, {
      artifactType: spdx,
      layers: [{ mediaType: spdx, bytes: text }],
    });
    const ofSbom = statementBytes(signatureStatement({ digest: sbom.digest }));
    await refer(repository, sbom, await bundle(ofSbom, sign));
    const payload = simpleSigningPayload(digest, repository.name);
    const annotations = await signer.simpleSigning(payload);
    const mediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
    await tagAlong(repository, digest, "sig", [{ mediaType, bytes: payload, annotations }]);
  }

  const statesIn = ({ attachments, platforms }: AttachmentTree): readonly string[] => {
    const of = ({ way, format, readings, attachments: more }: Attachment): readonly string[] => [
      ...readings.map(({ signature }) => `${way} ${format} ${signature.state}`),
      ...(readings.length === 0 ? [`${way} ${format}`] : []),
      ...more.flatMap(of),
    ];
    return [...attachments.flatMap(of), ...platforms.flatMap(({ tree }) => statesIn(tree))].sort();
  };

  testWith("docker-registry")(
    "go through registries with and without the API, and a folder: all verifies, and a second run writes nothing",
    async () => {
      const server = async (name: string) => {
        const started = await startRegistryServer({ dir: join(folder.path, name) });
        closing.push(() => started.close());
        return started.address;
      };
      const docker = async () => {
        const started = await startDockerRegistry();
        closing.push(started.stop);
        return started.host;
      };
      const hops = [
        await server("a"),
        await docker(),
        await docker(),
        "folder.example.com",
        await server("d"),
      ];
      hops.push(await server("e"));
      let written = 0;
      const registries = openRegistries(
        {
          settings: {
            ...defaultSettings,
            locations: [{ repository: "folder.example.com", at: `oci:${join(folder.path, "layouts")}` }],
          },
          environment: {},
          listener: (event) => {
            if (event.type === "request" && /push|put|upload|mount/.test(event.kind)) written += 1;
          },
        },
        { ...defaultTiming, firstBackoff: 1, maxBackoff: 5, settle: 20 },
      );
      closing.push(() => registries.close());
      const at = (host: string | undefined, number: number) =>
        registries.repository(parseRepository(`${host}/team/app-${number}`));

      await atOnce.map([...Array(count).keys()], async (number) => {
        const repository = at(hops[0], number);
        const image = await buildImage(`app-${number}`, "v1");
        await pushImage(image, repository, [parseTag("inner")]);
        const { descriptor } = image.root;
        const [platform] = image.children;
        const roots = [descriptor, platform?.descriptor ?? descriptor, await nest(repository, descriptor)];
        const root = roots[number % 3] ?? descriptor;
        digests[number] = root.digest;
        await attachAll(repository, root, number);
        if (number % 3 === 0 && platform !== undefined)
          await attachAll(repository, platform.descriptor, number);
      });

      const expected = await atOnce.map(digests, async (digest, number) =>
        statesIn(await readAttachments(at(hops[0], number), digest, { verifier })),
      );
      expect(expected[1]).toEqual([
        "referrer sbom unsigned",
        ...Array<string>(3).fill("referrer sigstore-bundle verified"),
        "tag cosign-signature verified",
      ]);

      for (const [hop, to] of hops.slice(1).entries()) {
        const path = join(folder.path, `tree-${hop}`);
        const images = Object.fromEntries(
          digests.map((digest, number) => [`app-${number}`, { [digest]: ["v1"] }]),
        );
        const from = hops[hop];
        await writeTree(path, [
          { name: "team", source: `${from}/team`, destinations: [`${to}/team`], images },
        ]);
        const run = async () =>
          promote({
            tree: await readManifestTree(path),
            open: registries.repository,
            trust: openTrust({ open: registries.repository, travel: () => "all" }),
            confirm: true,
          });
        const first = await run();
        expect(first.report.counts).toMatchObject({ failed: 0, pending: 0 });
        written = 0;
        const second = await run();
        expect(second.report.counts).toMatchObject({ done: 0, failed: 0 });
        expect(written).toBe(0);
      }
      last = hops.at(-1) ?? "";
      await atOnce.map(digests, async (digest, number) => {
        const tree = await readAttachments(at(last, number), digest, { verifier });
        expect(tree.unread).toEqual([]);
        expect(statesIn(tree)).toEqual(expected[number]);
      });
    },
  );

  const reference = (number: number) => `${last}/team/app-${number}@${digests[number]}`;
  const env = () => ({ PATH: process.env.PATH, HOME: folder.path });

  testWithPeers("cosign")("are verified by cosign in the end", async () => {
    if (last === "") return;
    const key = ["--key", join(folder.path, "key.pub"), "--insecure-ignore-tlog=true"];
    for (const number of [0, 1, 2]) {
      const line = [...key, "--allow-http-registry", "--allow-insecure-registry", reference(number)];
      expect(await runPeer("cosign", ["verify", ...line], env())).toMatchObject({ status: 0 });
      const attested = ["verify-attestation", "--type", "slsaprovenance1", ...line];
      expect(await runPeer("cosign", attested, env())).toMatchObject({ status: 0 });
    }
  });

  testWithPeers("oras")("are seen by oras discover", async () => {
    if (last === "") return;
    const seen = await runPeer("oras", ["discover", "--plain-http", "--depth", "3", reference(1)], env());
    expect(seen.status).toBe(0);
    expect(seen.stdout).toContain(spdx);
    expect(seen.stdout.split(bundleMediaType).length).toBeGreaterThan(1);
  });

  testWithPeers("regctl")("are seen by regctl artifact tree", async () => {
    if (last === "") return;
    const line = ["--host", `reg=${last},tls=disabled`, "artifact", "tree", "--digest-tags", reference(1)];
    const seen = await runPeer("regctl", line, env());
    expect(seen.status).toBe(0);
    expect(seen.stdout).toContain(spdx);
    expect(seen.stdout).toContain(".sig");
  });
});
