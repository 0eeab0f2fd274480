import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Descriptor, Digest } from "../../src/oci/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Registries, Repository } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { openSigner } from "../../src/signing/index.ts";
import { keyKinds, privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import {
  bundle,
  bundleType,
  pushBuildKitImage,
  refer,
  signed,
  simpleSigning,
  slsa,
  statement,
  tagAlong,
} from "../trust/attach.ts";
import { run, runWith } from "./captured.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: RegistryServer;
let registries: Registries;

beforeAll(async () => {
  folder = await temporaryFolder("inspect-referrers");
  server = await startRegistryServer({ dir: `${folder.path}/registry` });
  registries = registriesWith();
});

afterAll(async () => {
  await registries.close();
  await server.close();
  await folder.remove();
});

/** Writes a key pair. */
function keyPair(name: string) {
  const { privateKey, publicKey } = keyKinds["P-256"]();
  const [key, pub] = [`${folder.path}/${name}.key`, `${folder.path}/${name}.pub`];
  writeFileSync(key, privatePem(privateKey));
  writeFileSync(pub, publicKey.export({ format: "pem", type: "spki" }));
  return { pub, signer: openSigner(name, { key }, signingServices()) };
}

async function attest(
  repository: Repository,
  subject: Descriptor,
  { signer }: Pick<ReturnType<typeof keyPair>, "signer">,
  predicateType: string,
  predicate: unknown = {},
): Promise<Descriptor> {
  const said = Buffer.from(JSON.stringify(statement(subject.digest, predicateType, predicate)));
  const bytes = Buffer.from(await signer.bundle(said));
  const spec = { artifactType: bundleType, layers: [{ mediaType: bundleType, bytes }] };
  return refer(repository, subject, spec);
}

const provenance = {
  buildDefinition: {
    resolvedDependencies: [
      { uri: "git+https://github.com/o/r", digest: { gitCommit: "9afb85e".padEnd(40, "0") } },
    ],
  },
  runDetails: { builder: { id: "https://builder.example\u001b[31m" } },
};

const short = (digest: Digest) => digest.slice(0, 19);
/** Digests are cut, so that a tree fits into a test. */
const cut = (text: string) =>
  text
    .replaceAll(/(sha256[:-][0-9a-f]{12})[0-9a-f]{52}/g, "$1")
    .trimEnd()
    .split("\n");

describe("inspect --referrers", () => {
  it("shows what hangs on an image, on its platforms and on that, and who signed it", async () => {
    const name = `${server.address}/team/app`;
    const repository = registries.repository(parseRepository(name));
    const { root, first, second, attestation } = await pushBuildKitImage(repository);
    const [release, other] = [keyPair("release"), keyPair("other")];
    const document = await repository.fetch(root.digest);
    if (document) await repository.put(document, parseTag("v1"));
    const built = await attest(repository, root, release, slsa, provenance);
    const sbom = await refer(repository, root, {
      artifactType: "application/spdx+json",
      layers: [{ mediaType: "application/spdx+json", bytes: Buffer.from("{}") }],
    });
    const approved = await attest(repository, sbom, other, signed);
    await tagAlong(repository, second.digest, "sig", [
      simpleSigning(second.digest),
      simpleSigning(first.digest),
    ]);
    const { status, stdout, stderr } = await run(
      "inspect",
      "--referrers",
      `${name}:v1`,
      "--key",
      release.pub,
    );
    expect(cut(stdout)).toEqual([
      `${name}@${short(root.digest)}`,
      `├─ SLSA provenance: verified, by key ${release.pub}`,
      "│     builder https://builder.example\\u{1b}[31m",
      "│     source git+https://github.com/o/r",
      `│     commit ${"9afb85e".padEnd(40, "0")}`,
      `│     Sigstore bundle, referrer ${short(built.digest)}`,
      "├─ SBOM (SPDX): unsigned",
      `│  │  SBOM, referrer ${short(sbom.digest)}`,
      "│  └─ signature: not verifiable here: none of the keys known here, 1 in all, has signed it",
      "│        name app",
      `│        Sigstore bundle, referrer ${short(approved.digest)}`,
      `├─ linux/amd64 ${short(first.digest)}`,
      "│  └─ BuildKit attestations",
      `│     │  in the index ${short(attestation.digest)}`,
      "│     ├─ SLSA provenance: unsigned",
      "│     └─ SBOM (SPDX): unsigned",
      `└─ linux/arm64 ${short(second.digest)}`,
      "   └─ cosign signatures",
      `      │  tag sha256-${second.digest.slice(7, 19)}.sig`,
      "      ├─ signature: not verifiable here: none of the keys known here, 1 in all, has signed it",
      "      │     name registry.example/app",
      "      └─ signature: failed: what is signed is about something else",
      "            name registry.example/app",
      "7 statements: 1 verified, 3 unsigned, 2 not verifiable here, 1 failed",
    ]);
    expect({ status, stderr }).toEqual({ status: 2, stderr: "" });

    const json = await run("inspect", "--referrers", `${name}:v1`, "--key", release.pub, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      format: "waybill-referrers/1",
      repository: name,
      digest: root.digest,
      attachments: [
        {
          format: "sigstore-bundle",
          statements: [
            {
              state: "verified",
              by: { kind: "key", name: release.pub },
              predicateType: slsa,
              says: { source: "git+https://github.com/o/r" },
            },
          ],
        },
        { format: "sbom", attachments: [{ format: "sigstore-bundle" }] },
      ],
      platforms: [{ platform: "linux/amd64" }, { platform: "linux/arm64" }],
      unread: [],
      summary: { verified: 1, unsigned: 3, unverifiable: 2, failed: 1 },
    });
  });

  it("believes the keys of the settings by their names, and says what to do where it knows none", async () => {
    const name = `${server.address}/team/settings`;
    const repository = registries.repository(parseRepository(name));
    const { first } = await pushBuildKitImage(repository);
    const release = keyPair("release-settings");
    await attest(repository, first, release, signed);
    const asked = ["inspect", "--referrers", `${name}@${first.digest}`];
    const without = await run(...asked);
    expect(without).toMatchObject({ status: 0, stderr: expect.stringContaining("hint: --key FILE") });
    expect(without.stdout).toContain("signature: not verifiable here");
    const config = `${folder.path}/waybill.yaml`;
    writeFileSync(config, `trust:\n  keys:\n    release: ${release.pub}\n`);
    const { status, stdout } = await run(...asked, "--config", config);
    expect(status).toBe(0);
    expect(stdout).toContain("signature: verified, by key release\n");
    const colored = await runWith({ FORCE_COLOR: "1" }, ...asked, "--config", config);
    expect(colored.stdout).toContain("\u001b[32mverified\u001b[39m");
    const wrong = await run(...asked, "--key", `${folder.path}/absent.pub`);
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining("absent.pub") });
  });

  it("says that nothing hangs there, ends with 2 where something is not read, and with 1 where there is no image", async () => {
    const name = `${server.address}/team/bare`;
    const repository = registries.repository(parseRepository(name));
    const { second } = await pushBuildKitImage(repository);
    const asked = ["inspect", "--referrers", `${name}@${second.digest}`];
    expect(await run(...asked)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("nothing that says anything of it hangs there"),
    });
    const broken = bundle(second.digest, signed);
    await refer(repository, second, { ...broken, layers: Array(200).fill(broken.layers[0]) });
    const unread = await run(...asked);
    expect(unread.status).toBe(2);
    expect(unread.stdout).toContain("not read: it has 200 statements or signatures, of which 128 are read");
    expect(await run("inspect", "--referrers", `${name}:nothing`)).toMatchObject({ status: 1, stdout: "" });
  });

  it("looks into a folder", async () => {
    const path = `${folder.path}/layout`;
    const repository = registries.at({ repository: parseRepository("localhost/layout"), folder: path });
    const { root, first } = await pushBuildKitImage(repository);
    await refer(repository, first, bundle(first.digest, signed));
    const { status, stdout } = await run("inspect", "--referrers", `oci:${path}@${root.digest}`);
    expect(status).toBe(0);
    expect(cut(stdout)).toContain(
      "│  ├─ signature: not verifiable here: a key has signed it, and no key is known here",
    );
  });
});
