import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { attachOrigins } from "../../src/builds/attach-origins.ts";
import { type BuildPlan, type BuiltImage, buildSigner } from "../../src/builds/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseTag } from "../../src/oci/index.ts";
import { findProvenance } from "../../src/provenance/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openVerifier, publicKeyOf } from "../../src/sigstore/index.ts";
import { readAttachments } from "../../src/trust/index.ts";
import { clientOf } from "../support/registry-client.ts";
import { temporaryFolder } from "../support/tree.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const verifier = openVerifier({ keys: [publicKeyOf(publicKey, "release.pub", "release")] });

/** A repository with an image, to which a build attaches its provenance as the settings ask for it. */
async function builtWith(keyFile: string | undefined) {
  const folder = await temporaryFolder("signed-origins");
  const server = await startRegistryServer({ dir: join(folder.path, "registry") });
  const client = clientOf(server.address);
  onTestFinished(async () => {
    await client.close();
    await server.close();
    await folder.remove();
  });
  const repository = client.repository("team/app");
  const { root, ...image } = await buildImage("app", "v1");
  await pushImage({ root, ...image }, repository, [parseTag("v1")]);
  const { digest, mediaType, size } = root.descriptor;
  if (keyFile !== undefined) {
    const pem = privateKey.export({ format: "pem", type: "pkcs8" });
    await writeFile(join(folder.path, "release.key"), pem);
  }
  const key = join(folder.path, keyFile ?? "");
  const trust = keyFile === undefined ? {} : { signers: { release: { key } }, builds: "release" };
  const signer = buildSigner({
    settings: { ...defaultSettings, trust },
    environment: {},
    network: { environment: {} },
  });
  const said: string[] = [];
  const built: BuiltImage = {
    ...{ build: "build", name: `${repository.name}`, repository: repository.name, tags: [] },
    ...{ digest, mediaType, size, seenBy: ["waybill"] },
  };
  const source = { repository: "https://github.com/org/app", commit: "c".repeat(40), isDirty: false };
  const plan = { destination: { kind: "named" }, source, builds: [], engine: "buildah" };
  const [attached] = await attachOrigins([built], {
    plan: plan as unknown as BuildPlan,
    outcomes: [],
    run: { job: "build-app", id: "1" },
    startedAt: new Date(),
    secrets: [],
    open: () => repository,
    signer,
    say: (text) => said.push(text),
  });
  const { attachments } = await readAttachments(repository, digest, { verifier });
  return { repository, digest, attached, attachments, said };
}

test("the provenance of a build is signed where the settings say by whom, and found like any other", async () => {
  const { repository, digest, attached, attachments, said } = await builtWith("release.key");
  expect(said).toEqual([]);
  expect(attachments).toMatchObject([
    {
      manifest: { digest: attached?.provenance },
      format: "sigstore-bundle",
      readings: [
        {
          signature: { state: "verified", by: { kind: "key", name: "release" } },
          statement: { predicateType: "https://slsa.dev/provenance/v1" },
        },
      ],
    },
  ]);
  const found = await findProvenance(repository, digest);
  expect(found).toMatchObject({
    about: "image",
    provenance: { builder: "pkg:generic/waybill", commit: "c".repeat(40) },
  });
});

test("it is not signed where nobody is named", async () => {
  const { attachments } = await builtWith(undefined);
  expect(attachments).toMatchObject([
    { format: "in-toto", readings: [{ signature: { state: "unsigned" } }] },
  ]);
});

test("it is attached as it is where it cannot be signed, and that is told", async () => {
  const { attached, attachments, said } = await builtWith("other.key");
  expect(said).toEqual([
    expect.stringMatching(/^the provenance of .*\/team\/app@sha256:\w+ is not signed: .*does not exist$/),
  ]);
  expect(attachments).toMatchObject([{ manifest: { digest: attached?.provenance }, format: "in-toto" }]);
});
