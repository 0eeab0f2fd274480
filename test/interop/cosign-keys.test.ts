import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import {
  bundleMediaType,
  openSigner,
  type Signer,
  signatureStatement,
  simpleSigningPayload,
  statementAbout,
  statementBytes,
} from "../../src/signing/index.ts";
import { openVerifier, readPublicKey, writeKeyFile } from "../../src/sigstore/index.ts";
import { readAttachments } from "../../src/trust/index.ts";
import { signingServices } from "../signing/services.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { hasProgram } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { refer, slsa, tagAlong } from "../trust/attach.ts";
import { runPeer, testWithPeers } from "./peers.ts";

const password = "a password";
/**
 * With an Ed25519 key, cosign 3.1 signs images in the form with a hash before it (Ed25519ph) and verifies the other one alone: its
 * own signatures it refuses as well.
 */
const kinds = {
  "P-256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "P-384": () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  Ed25519: () => generateKeyPairSync("ed25519"),
  RSA: () => generateKeyPairSync("rsa", { modulusLength: 3072 }),
} satisfies Record<string, () => KeyPairKeyObjectResult>;
type Kind = keyof typeof kinds;

/** What cosign says of a P-384 key without it: it takes SHA-256 for granted. */
const digestFlags = (kind: Kind) => (kind === "P-384" ? ["--signature-digest-algorithm", "sha384"] : []);
const anyRegistry = ["--allow-http-registry", "--allow-insecure-registry"];
const noLog = ["--insecure-ignore-tlog=true"];

describe("signatures with keys, of cosign and ours", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let image: DemoImage;
  let close: () => Promise<void>;
  let hosts: Readonly<Record<"registry" | "docker", string>>;
  const registries = registriesWith();
  const file = (name: string) => join(folder.path, name);

  beforeAll(async () => {
    folder = await temporaryFolder("cosign");
    image = await buildImage("app", "v1");
    const server = await startRegistryServer({ dir: file("registry") });
    const docker = hasProgram("docker-registry") ? await startDockerRegistry() : undefined;
    hosts = { registry: server.address, docker: docker?.host ?? server.address };
    for (const [kind, make] of Object.entries(kinds)) {
      const { privateKey, publicKey } = make();
      await writeFile(file(`${kind}.key`), await writeKeyFile(privateKey, password));
      await writeFile(file(`${kind}.pub`), publicKey.export({ format: "pem", type: "spki" }));
    }
    await writeFile(
      file("no-services.json"),
      JSON.stringify({
        mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        rekorTlogConfig: {},
        tsaConfig: {},
      }),
    );
    close = async () => {
      await registries.close();
      await Promise.all([server.close(), docker?.stop()]);
      await folder.remove();
    };
  });
  afterAll(() => close());

  const cosign = (...line: string[]) =>
    runPeer("cosign", line, { PATH: process.env.PATH, HOME: folder.path, COSIGN_PASSWORD: password });
  const signer = (kind: Kind): Signer =>
    openSigner(kind, { key: file(`${kind}.key`) }, signingServices({ COSIGN_PASSWORD: password }));

  async function staged(host: string, path: string): Promise<Repository> {
    const repository = registries.repository(parseRepository(`${host}/${path}`));
    await pushImage(image, repository, [parseTag("v1")]);
    return repository;
  }

  /** What is verified of an image with a key, by predicate types. */
  async function verifiedIn(repository: Repository, kind: Kind): Promise<readonly string[]> {
    const { readFile } = await import("node:fs/promises");
    const key = readPublicKey(await readFile(file(`${kind}.pub`), "utf8"), kind, kind);
    const tree = await readAttachments(repository, image.root.descriptor.digest, {
      verifier: openVerifier({ keys: [key] }),
    });
    expect(tree.unread).toEqual([]);
    return tree.attachments.flatMap(({ readings }) =>
      readings.map(({ signature, statement }) => `${signature.state} ${statement?.predicateType}`),
    );
  }

  async function attach(repository: Repository, signed: Uint8Array, predicateType: string) {
    await refer(repository, image.root.descriptor, {
      artifactType: bundleMediaType,
      layers: [{ mediaType: bundleMediaType, bytes: signed }],
      annotations: {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": predicateType,
      },
    });
  }

  const sign = "https://sigstore.dev/cosign/sign/v1";

  for (const host of ["registry", "docker"] as const) {
    for (const kind of Object.keys(kinds) as Kind[]) {
      const name = `${kind.toLowerCase().replace("-", "")}`;
      testWithPeers("cosign")(`in bundles, with ${kind}, on ${host}`, async () => {
        const ours = await staged(hosts[host], `ours/${name}`);
        const { digest } = image.root.descriptor;
        await attach(ours, await signer(kind).bundle(statementBytes(signatureStatement({ digest }))), sign);
        const key = ["--key", file(`${kind}.pub`), ...noLog, ...anyRegistry, ...digestFlags(kind)];
        const verified = await cosign("verify", ...key, `${ours.name}@${digest}`);
        expect(verified.stderr).toContain("The signatures were verified against the specified public key");
        expect(verified.status).toBe(0);

        const theirs = await staged(hosts[host], `theirs/${name}`);
        const signing = ["--key", file(`${kind}.key`), "--signing-config", file("no-services.json")];
        const made = await cosign("sign", "--yes", ...signing, ...anyRegistry, `${theirs.name}@${digest}`);
        expect(made).toMatchObject({ status: 0 });
        expect(await verifiedIn(ours, kind)).toEqual([`verified ${sign}`]);
        expect(await verifiedIn(theirs, kind)).toEqual([`verified ${sign}`]);
        const own = await cosign("verify", ...key, `${theirs.name}@${digest}`);
        expect(own.status === 0).toBe(kind !== "Ed25519");
      });

      testWithPeers("cosign")(`under cosign's tags, with ${kind}, on ${host}`, async () => {
        const ours = await staged(hosts[host], `ours-old/${name}`);
        const { digest } = image.root.descriptor;
        const payload = simpleSigningPayload(digest, ours.name);
        const annotations = await signer(kind).simpleSigning(payload);
        const mediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
        await tagAlong(ours, digest, "sig", [{ mediaType, bytes: payload, annotations }]);
        const key = ["--key", file(`${kind}.pub`), ...noLog, ...anyRegistry, ...digestFlags(kind)];
        expect(await cosign("verify", ...key, `${ours.name}@${digest}`)).toMatchObject({ status: 0 });

        const theirs = await staged(hosts[host], `theirs-old/${name}`);
        const old = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"];
        const made = await cosign(
          ...[
            "sign",
            "--yes",
            "--key",
            file(`${kind}.key`),
            ...old,
            ...anyRegistry,
            `${theirs.name}@${digest}`,
          ],
        );
        expect(made).toMatchObject({ status: 0 });
        expect(await verifiedIn(theirs, kind)).toEqual([`verified ${sign}`]);
        const own = await cosign("verify", ...key, `${theirs.name}@${digest}`);
        expect(own.status === 0).toBe(kind !== "Ed25519");
      });
    }

    for (const kind of ["P-256", "Ed25519"] as const) {
      testWithPeers("cosign")(
        `of attestations, both ways and in both layouts, with ${kind}, on ${host}`,
        async () => {
          const { digest } = image.root.descriptor;
          const statement = statementBytes(
            statementAbout({ digest }, slsa, { buildDefinition: { buildType: "test" }, runDetails: {} }),
          );
          const checks = [
            "--type",
            "slsaprovenance1",
            "--key",
            file(`${kind}.pub`),
            ...noLog,
            ...anyRegistry,
          ];
          const ours = await staged(hosts[host], `attested/ours-${kind.toLowerCase()}`);
          await attach(ours, await signer(kind).bundle(statement), slsa);
          expect(await cosign("verify-attestation", ...checks, `${ours.name}@${digest}`)).toMatchObject({
            status: 0,
          });

          const old = await staged(hosts[host], `attested/ours-old-${kind.toLowerCase()}`);
          const { bytes, annotations } = await signer(kind).envelope(statement);
          const mediaType = "application/vnd.dsse.envelope.v1+json";
          await tagAlong(old, digest, "att", [{ mediaType, bytes, annotations }]);
          expect(await cosign("verify-attestation", ...checks, `${old.name}@${digest}`)).toMatchObject({
            status: 0,
          });

          await writeFile(file("predicate.json"), JSON.stringify({ buildDefinition: {}, runDetails: {} }));
          const predicate = ["--type", "slsaprovenance1", "--predicate", file("predicate.json")];
          const signing = ["--key", file(`${kind}.key`), "--yes", ...anyRegistry];
          const theirs = await staged(hosts[host], `attested/theirs-${kind.toLowerCase()}`);
          const config = ["--signing-config", file("no-services.json")];
          expect(
            await cosign("attest", ...predicate, ...signing, ...config, `${theirs.name}@${digest}`),
          ).toMatchObject({
            status: 0,
          });
          expect(await verifiedIn(theirs, kind)).toEqual([`verified ${slsa}`]);
          const theirsOld = await staged(hosts[host], `attested/theirs-old-${kind.toLowerCase()}`);
          const flags = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"];
          expect(
            await cosign("attest", ...predicate, ...signing, ...flags, `${theirsOld.name}@${digest}`),
          ).toMatchObject({ status: 0 });
          expect(await verifiedIn(theirsOld, kind)).toEqual([`verified ${slsa}`]);
        },
      );
    }
  }

  test("are told apart from those of another key", async () => {
    const repository = await staged(hosts.registry, "other-key");
    const { digest } = image.root.descriptor;
    const bundle = await signer("P-256").bundle(statementBytes(signatureStatement({ digest })));
    await attach(repository, bundle, sign);
    const [state] = await verifiedIn(repository, "Ed25519");
    expect(state).not.toMatch(/^verified/);
  });
});
