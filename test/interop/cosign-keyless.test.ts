import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { bundleMediaType, openSigner, signatureStatement, statementBytes } from "../../src/signing/index.ts";
import { openVerifier, readTrustedRoot } from "../../src/sigstore/index.ts";
import { readAttachments } from "../../src/trust/index.ts";
import { signingServices } from "../signing/services.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { refer } from "../trust/attach.ts";
import { type Peer, peer, runPeer, testWithPeers } from "./peers.ts";
import { type SigstoreServices, startSigstore } from "./sigstore-services.ts";

const needed = ["cosign", "fulcio", "rekor-server-posix", "timestamp-server"] satisfies Peer[];
const test = testWithPeers(...needed);
const sign = "https://sigstore.dev/cosign/sign/v1";

describe("signatures without keys, of cosign and ours, by a real Fulcio, Rekor and timestamp authority", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let image: DemoImage;
  let services: SigstoreServices;
  let host: string;
  let close = async () => {};
  const registries = registriesWith();
  const file = (name: string) => join(folder.path, name);

  beforeAll(async () => {
    if (needed.some((name) => peer(name) === undefined)) return;
    folder = await temporaryFolder("keyless");
    image = await buildImage("app", "v1");
    const server = await startRegistryServer({ dir: file("registry") });
    host = server.address;
    services = await startSigstore(file("sigstore"));
    await writeFile(file("signing_config.json"), JSON.stringify(services.signingConfig));
    await writeFile(file("trusted_root.json"), JSON.stringify(services.trustedRoot));
    await writeFile(file("token"), await services.token());
    close = async () => {
      await registries.close();
      await services.close();
      await server.close();
      await folder.remove();
    };
  });
  afterAll(() => close());

  const cosign = (...line: string[]) =>
    runPeer("cosign", line, { PATH: process.env.PATH, HOME: folder.path });
  const anyRegistry = ["--allow-http-registry", "--allow-insecure-registry"];

  async function staged(path: string): Promise<Repository> {
    const repository = registries.repository(parseRepository(`${host}/${path}`));
    await pushImage(image, repository, [parseTag("v1")]);
    return repository;
  }

  async function verifiedIn(repository: Repository) {
    const trustedRoot = await readTrustedRoot(
      Buffer.from(JSON.stringify(services.trustedRoot)),
      "trusted_root.json",
    );
    const tree = await readAttachments(repository, image.root.descriptor.digest, {
      verifier: openVerifier({ trustedRoot }),
    });
    return tree.attachments.flatMap(({ readings }) => readings.map(({ signature }) => signature));
  }

  const bySomebody = () => ({
    state: "verified",
    by: { kind: "certificate", identity: services.identity, issuer: services.issuer },
  });

  test("that we make are verified by cosign, and by ourselves", async () => {
    const ours = await staged("ours/app");
    const { descriptor } = image.root;
    const signer = openSigner(
      "release",
      { keyless: { token: { file: file("token") } }, signingConfig: file("signing_config.json") },
      signingServices(),
    );
    const signed = await signer.bundle(statementBytes(signatureStatement(descriptor)));
    await refer(ours, descriptor, {
      artifactType: bundleMediaType,
      layers: [{ mediaType: bundleMediaType, bytes: signed }],
      annotations: {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": sign,
      },
    });
    expect(await verifiedIn(ours)).toMatchObject([bySomebody()]);
    const who = ["--certificate-identity", services.identity, "--certificate-oidc-issuer", services.issuer];
    const how = [
      "--trusted-root",
      file("trusted_root.json"),
      "--insecure-ignore-sct",
      "--use-signed-timestamps",
    ];
    const reference = `${ours.name}@${descriptor.digest}`;
    const verified = await cosign("verify", ...who, ...how, ...anyRegistry, reference);
    expect(verified).toMatchObject({ status: 0 });
    const others = ["--certificate-identity", `x${services.identity}`, ...who.slice(2)];
    expect(await cosign("verify", ...others, ...how, ...anyRegistry, reference)).not.toMatchObject({
      status: 0,
    });
  });

  test("that cosign makes are verified by us", async () => {
    const theirs = await staged("theirs/app");
    const made = await cosign(
      ...["sign", "--yes", "--identity-token", await services.token(), ...anyRegistry],
      ...["--signing-config", file("signing_config.json"), "--trusted-root", file("trusted_root.json")],
      `${theirs.name}@${image.root.descriptor.digest}`,
    );
    expect(made).toMatchObject({ status: 0 });
    expect(await verifiedIn(theirs)).toMatchObject([bySomebody()]);
  });
});
