import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { type Descriptor, parseTag } from "../../src/oci/index.ts";
import { parsePolicyFile } from "../../src/policy/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { openVerifier, readPublicKey } from "../../src/sigstore/index.ts";
import { openTrust, travelling } from "../../src/trust/index.ts";
import { clientOf } from "../support/registry-client.ts";
import { temporaryFolder } from "../support/tree.ts";
import { bundle, type Layer, refer, signed, simpleSigning, statement, tagAlong } from "./attach.ts";

const release = generateKeyPairSync("ec", { namedCurve: "P-256" });
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pemOf = ({ publicKey }: typeof release) => publicKey.export({ format: "pem", type: "spki" }).toString();
const verifier = openVerifier({
  keys: [readPublicKey(pemOf(release), "a.pub", "a"), readPublicKey(pemOf(stranger), "b.pub", "b")],
});
const policyText = `
signers:
  a:
    key: |
${pemOf(release).trimEnd().replaceAll(/^/gm, "      ")}
rules:
  - name: signed
    signature: { by: [a] }
`;

let repository: Repository;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  const folder = await temporaryFolder("travelling");
  const server = await startRegistryServer({ dir: folder.path });
  const client = clientOf(server.address);
  closing.push(folder.remove, () => server.close(), client.close);
  repository = client.repository("team/app");
});
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function pushed(name: string): Promise<Descriptor> {
  const image = await buildImage(name, "v1");
  await pushImage(image, repository, [parseTag(name)]);
  return image.root.descriptor;
}

/** A layer of cosign's tag `.sig`, signed. */
function signedLayer({ digest }: Descriptor, key: KeyObject): Layer {
  const layer = simpleSigning(digest);
  const signature = sign("sha256", layer.bytes, key).toString("base64");
  return { ...layer, annotations: { "dev.cosignproject.cosign/signature": signature } };
}

/** A Sigstore bundle that signs an image, as the layer of a referrer. */
function signedBundle({ digest }: Descriptor, key: KeyObject): Layer {
  const [layer] = bundle(digest, signed).layers as [Layer];
  const payload = Buffer.from(JSON.stringify(statement(digest, signed)));
  const type = "application/vnd.in-toto+json";
  const signing = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  const content = JSON.parse(Buffer.from(layer.bytes).toString()) as { dsseEnvelope: object };
  const sig = sign("sha256", signing, key).toString("base64");
  const envelope = { payloadType: type, payload: payload.toString("base64"), signatures: [{ sig }] };
  const bytes = Buffer.from(JSON.stringify({ ...content, dsseEnvelope: envelope }));
  return { ...layer, bytes };
}

const foreign: Layer = { mediaType: "application/octet-stream", bytes: Buffer.from("anything") };

/** What goes with an image where the policy stands: in words, and what could not be read. */
async function going({ digest }: Descriptor, between: () => Promise<unknown> = async () => {}) {
  const { policies } = parsePolicyFile(policyText, "policy.yaml", { now: new Date(), keys: {} });
  const trust = openTrust({ open: () => repository, verifier, policies });
  const image = { digest, source: repository.name, destinations: [], project: "p" };
  const verdicts = await trust.judge(image);
  await between();
  const hanging = await trust.hanging(repository, (target) => repository.fetch(target), digest);
  if (hanging === undefined) throw new Error("the image is not there");
  const tree = await trust.attachments(repository.name, digest);
  const accepted = verdicts.flatMap((verdict) => verdict.accepted);
  const { companions, unread } = travelling(hanging, tree, { accepted }, repository);
  return {
    outcomes: verdicts.map(({ outcome }) => outcome),
    says: companions.map(({ says }) => says),
    unread: unread.map(({ code, message }) => `${code}: ${message}`),
  };
}

test("of the layers under a tag those alone go along that the policy has accepted", async () => {
  const image = await pushed("layers");
  const good = signedLayer(image, release.privateKey);
  const forged = { ...good, annotations: { "dev.cosignproject.cosign/signature": "c2ln" } };
  const byOther = signedLayer(image, stranger.privateKey);
  await tagAlong(repository, image.digest, "sig", [foreign, forged, byOther, good]);
  expect(await going(image)).toEqual({
    outcomes: ["satisfied"],
    says: ["cosign signature, signed by the key a; of 4 layers under the tag, 3 left behind"],
    unread: [],
  });
});

test("a layer that could not be read stays behind, and is told", async () => {
  const image = await pushed("unread");
  const large = { ...simpleSigning(image.digest), bytes: Buffer.alloc(33 * 1024 * 1024) };
  await tagAlong(repository, image.digest, "sig", [large, signedLayer(image, release.privateKey)]);
  expect(await going(image)).toEqual({
    outcomes: ["satisfied"],
    says: ["cosign signature, signed by the key a; of 2 layers under the tag, 1 left behind"],
    unread: [expect.stringMatching(/^too-large: what it holds has 34603008 bytes/)],
  });
});

test("of a tag that is moved after it was judged nothing goes along", async () => {
  const image = await pushed("moved");
  const good = signedLayer(image, release.privateKey);
  await tagAlong(repository, image.digest, "sig", [good]);
  const forged = { ...good, annotations: { "dev.cosignproject.cosign/signature": "c2ln" } };
  expect(await going(image, () => tagAlong(repository, image.digest, "sig", [forged]))).toEqual({
    outcomes: ["satisfied"],
    says: [],
    unread: [expect.stringMatching(/^manifest-missing: the tag sha256-\w+\.sig was moved/)],
  });
});

test("a bundle vouches and goes along only where its manifest holds nothing else", async () => {
  const image = await pushed("bundles");
  const own = signedBundle(image, release.privateKey);
  const spec = bundle(image.digest, signed);
  for (const layers of [
    [foreign, own],
    [own, signedBundle(image, stranger.privateKey)],
  ])
    await refer(repository, image, { ...spec, layers });
  expect(await going(image)).toEqual({ outcomes: ["failed"], says: [], unread: [] });
  await refer(repository, image, { ...spec, layers: [own] });
  expect(await going(image)).toEqual({
    outcomes: ["satisfied"],
    says: ["Sigstore bundle, signed by the key a"],
    unread: [],
  });
});

test("a manifest of several statements goes along only where each of them was accepted", async () => {
  const image = await pushed("statements");
  const own = signedLayer(image, release.privateKey);
  const artifactType = "application/vnd.dev.cosign.artifact.sig.v1+json";
  await refer(repository, image, { artifactType, layers: [own, foreign] });
  expect(await going(image)).toEqual({ outcomes: ["satisfied"], says: [], unread: [] });
  await refer(repository, image, { artifactType, layers: [own] });
  expect((await going(image)).says).toEqual(["cosign signature, signed by the key a"]);
});

test("says of what hangs there only what may be printed", async () => {
  const image = await pushed("steering");
  const type = `https://example.com/\u001b[2J\r\nby \u202e@team \`x\` ${"long".repeat(500)}`;
  await refer(repository, image, bundle(image.digest, type));
  const trust = openTrust({ open: () => repository, verifier, policies: [] });
  const hanging = await trust.hanging(repository, (target) => repository.fetch(target), image.digest);
  if (hanging === undefined) throw new Error("the image is not there");
  const tree = await trust.attachments(repository.name, image.digest);
  const { companions } = travelling(hanging, tree, "all", repository);
  const says = companions.flatMap((each) => each.says ?? []);
  expect(says).toHaveLength(1);
  expect(says[0]).toContain("\\u{1b}[2J\\r\\nby \\u{202e}@team");
  expect(says[0]).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(says[0]?.length).toBeLessThan(500);
});
