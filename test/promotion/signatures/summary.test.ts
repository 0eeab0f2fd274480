import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { DemoImage } from "../../../src/demo/image.ts";
import { type Descriptor, type Digest, parseRepository } from "../../../src/oci/index.ts";
import type { Promotion } from "../../../src/promotion/index.ts";
import { openSigner, type Signer, signatureStatement, statementBytes } from "../../../src/signing/index.ts";
import { statementAbout } from "../../../src/signing/statement.ts";
import { attachBundle, knownSigner, readAttachments, trustOf } from "../../../src/trust/index.ts";
import { privatePem } from "../../signing/keys.ts";
import { signingServices } from "../../signing/services.ts";
import { openWorld, type PromotionWorld } from "../../support/world.ts";
import { keySigner, signingWith } from "./signing.ts";

let world: PromotionWorld;
let signer: Signer;
let image: DemoImage;
let digest: Digest;

beforeEach(async () => {
  world = await openWorld();
  signer = await keySigner(world.folder);
  image = await world.stage("foo/app", "v1");
  ({ digest } = image.root.descriptor);
});
afterEach(() => world.close());

const signature = "https://sigstore.dev/cosign/sign/v1";
const exception = `exceptions:
  - rules: [annotated]
    until: 2999-12-31
    reason: built by hand
    by: ann@example.com
`;

/** A policy that wants another kind of statement than what is signed at promotion, so that these do not satisfy it. */
const policy = (more = ""): string => `
signers:
  builder:
    key: |
${builderPem.replaceAll(/^/gm, "      ").trimEnd()}
rules:
  - name: annotated
    mode: warn
    signature: { by: [builder] }
${more}`;

const builder = generateKeyPairSync("ec", { namedCurve: "P-256" });
const builderPem = builder.publicKey.export({ format: "pem", type: "spki" }).toString();

const projects = (source = `${world.staging.host}/foo`) => [
  {
    name: "foo",
    source,
    destinations: [`${world.production.host}/eu`],
    images: { app: { [digest]: ["v1"] } },
  },
];

async function run(text: string, hour: number, source?: string, platforms = false): Promise<Promotion> {
  const time = new Date(Date.UTC(2026, 11, 1, hour));
  const policyFile = { file: "tree/policy.yaml", text, reports: [], unread: [] };
  const open = world.registries.repository;
  return world.promote(projects(source), {
    signing: await signingWith([{ signer: "release", summary: "release", platforms }], [signer], time),
    trust: await trustOf({ tree: { manifests: [], policyFile }, settings: {}, open }),
  });
}

/** What summaries in production say. */
async function summaries(about = digest): Promise<readonly Record<string, unknown>[]> {
  const production = world.registries.repository(parseRepository(`${world.production.host}/eu/app`));
  const verifier = await knownSigner(signer).verifier();
  const { attachments } = await readAttachments(production, about, { verifier });
  return attachments.flatMap(({ readings }) =>
    readings.flatMap(({ statement }) =>
      statement?.predicateType === "https://slsa.dev/verification_summary/v1"
        ? [statement.predicate as Record<string, unknown>]
        : [],
    ),
  );
}

const results = async () => (await summaries()).map(({ verificationResult }) => verificationResult).sort();

it("signs no summary while nobody knows what a policy says, and the right one afterwards", async () => {
  await world.promote(projects());
  world.staging.interfere((_, { pathname: url }) =>
    url.includes("/referrers/") || url.includes("sha256-")
      ? (response) => response.writeHead(500).end()
      : undefined,
  );
  const unknown = await run(policy(), 1);
  expect(unknown.report.problems.map(({ kind, reason }) => [kind, reason])).toEqual([
    ["signatures", "policy-unreadable"],
  ]);
  expect(unknown.report.counts).toMatchObject({ done: 1, unread: 1 });
  expect(await results()).toEqual([]);
  world.staging.interfere();
  await run(policy(), 2);
  expect(await results()).toEqual(["FAILED"]);
  expect((await run(policy(), 3)).report.counts).toMatchObject({ done: 0 });
});

it("takes no summary for the present one that says something else", async () => {
  await run(policy(), 1);
  expect(await results()).toEqual(["FAILED"]);
  const excepted = await run(policy(exception), 2);
  expect(excepted.report.counts).toMatchObject({ done: 1 });
  expect(await results()).toEqual(["FAILED", "PASSED"]);
  const passed = (await summaries()).find(({ verificationResult }) => verificationResult === "PASSED");
  expect(JSON.stringify(passed?.policy)).toContain("ann@example.com");
  expect((await run(policy(exception), 3)).report.counts).toMatchObject({ done: 0 });
  // The newest holds: that there was such a result before says nothing.
  await run(policy(), 4);
  expect(await results()).toEqual(["FAILED", "FAILED", "PASSED"]);
});

it("claims the level that a policy has verified, and says it anew when that is another", async () => {
  const staging = world.registries.repository(parseRepository(`${world.staging.host}/foo/app`));
  const key = `${world.folder}/builder.key`;
  await writeFile(key, privatePem(builder.privateKey));
  const by = await openSigner("builder", { key }, signingServices());
  const provenance = statementAbout({ digest }, "https://slsa.dev/provenance/v1", {
    buildDefinition: {
      buildType: "https://example.com/make",
      resolvedDependencies: [{ uri: "git+https://example.com/app", digest: { gitCommit: "a".repeat(40) } }],
    },
    runDetails: { builder: { id: "https://example.com/builder" }, metadata: { invocationId: "7" } },
  });
  const bundle = await by.bundle(statementBytes(provenance));
  const { predicateType } = provenance;
  const attached = await attachBundle(staging, image.root.descriptor, bundle, predicateType);
  const built = (level: number): string =>
    policy().replace(
      "signature: { by: [builder] }",
      `provenance: { by: [builder], sources: [example.com/app], builders: [{ id: https://example.com/builder, level: ${level} }] }`,
    );
  const levels = async () =>
    (await summaries())
      .flatMap(({ verifiedLevels }) => verifiedLevels as string[])
      .filter((level) => level.startsWith("SLSA"))
      .sort();
  await run(built(1), 1);
  expect(await levels()).toEqual(["SLSA_BUILD_LEVEL_1"]);
  expect(JSON.stringify((await summaries())[0]?.inputAttestations)).toContain(attached.digest);
  expect((await run(built(1), 2)).report.counts).toMatchObject({ done: 0 });
  await run(built(3), 3);
  expect(await levels()).toEqual(["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_3"]);
  expect((await run(built(3), 4)).report.counts).toMatchObject({ done: 0 });
});

it("tells of platforms what hangs on them, or no level and what is said of their index", async () => {
  const staging = world.registries.repository(parseRepository(`${world.staging.host}/foo/app`));
  const key = `${world.folder}/builder.key`;
  await writeFile(key, privatePem(builder.privateKey));
  const by = await openSigner("builder", { key }, signingServices());
  const index = JSON.parse(Buffer.from(image.root.bytes).toString()) as { manifests: Descriptor[] };
  const [one, other] = index.manifests as [Descriptor, Descriptor];
  const bundle = await by.bundle(statementBytes(signatureStatement({ digest: one.digest })));
  await attachBundle(staging, one, bundle, signature);
  const first = await run(policy(), 1, undefined, true);
  expect(first.report.counts).toMatchObject({ failed: 0, unread: 0 });
  const said = async (about: Digest) =>
    (await summaries(about)).map(({ verificationResult, verifiedLevels, inputAttestations }) => [
      verificationResult,
      verifiedLevels,
      (inputAttestations as unknown[] | undefined)?.length ?? 0,
    ]);
  const reviewed = "K8S_PROMOTION_MANIFEST_REVIEWED";
  expect(await said(digest)).toEqual([["FAILED", ["FAILED"], 1]]);
  expect(await said(one.digest)).toEqual([["PASSED", ["SLSA_BUILD_LEVEL_UNEVALUATED", reviewed], 1]]);
  expect(await said(other.digest)).toEqual([["FAILED", ["FAILED"], 0]]);
  expect((await run(policy(), 2, undefined, true)).report.counts).toMatchObject({ done: 0 });
  const second = await by.bundle(statementBytes(signatureStatement({ digest: other.digest })));
  await attachBundle(staging, other, second, signature);
  await run(policy(), 3, undefined, true);
  const passed = ["PASSED", ["SLSA_BUILD_LEVEL_UNEVALUATED", reviewed], 1];
  expect((await said(other.digest)).map(([result]) => result).sort()).toEqual(["FAILED", "PASSED"]);
  expect(await said(one.digest)).toEqual([passed]);
  expect((await run(policy(), 4, undefined, true)).report.counts).toMatchObject({ done: 0 });
});

it("keeps what a summary says of an image that is gone from its source, with what had vouched for it", async () => {
  await run(policy(exception), 1);
  expect(await results()).toEqual(["PASSED"]);
  const { report } = await run(policy(), 2, `${world.staging.host}/cleaned`);
  expect(report.counts).toMatchObject({ done: 0, failed: 0 });
  expect(await results()).toEqual(["PASSED"]);
});

it("looks at what hangs on an image in production when its source has it no more", async () => {
  await world.promote(projects());
  const production = world.registries.repository(parseRepository(`${world.production.host}/eu/app`));
  const key = `${world.folder}/builder.key`;
  await writeFile(key, privatePem(builder.privateKey));
  const by = await openSigner("builder", { key }, signingServices());
  const bundle = await by.bundle(statementBytes(signatureStatement({ digest })));
  await attachBundle(production, image.root.descriptor, bundle, signature);
  const { report } = await run(policy(), 1, `${world.staging.host}/cleaned`);
  expect(report.counts).toMatchObject({ failed: 0, unread: 0 });
  expect(await results()).toEqual(["PASSED"]);
});

it("asks a source once about an image, for all mirrors, signatures and summaries", async () => {
  const mirrors = ["eu", "us", "asia"].map((name) => `${world.production.host}/${name}`);
  const listed = projects().map((project) => ({ ...project, destinations: mirrors }));
  await world.promote(listed);
  const asked: string[] = [];
  world.staging.interfere(({ method }, { pathname }) => {
    if (pathname.startsWith("/v2/foo/app/")) asked.push(`${method} ${pathname.replace("/v2/foo/app/", "")}`);
    return undefined;
  });
  const policyFile = { file: "tree/policy.yaml", text: policy(), reports: [], unread: [] };
  const open = world.registries.repository;
  const { report } = await world.promote(listed, {
    signing: await signingWith([{ signer: "release", summary: "release" }], [signer]),
    trust: await trustOf({ tree: { manifests: [], policyFile }, settings: { travel: "none" }, open }),
  });
  world.staging.interfere();
  expect(report.counts).toMatchObject({ done: 6, failed: 0, refused: 0 });
  const times = asked.filter((each) => each.endsWith(`manifests/${digest}`));
  // Once as a source, and once with what hangs on it.
  expect(times).toEqual([`GET manifests/${digest}`, `GET manifests/${digest}`]);
});

it.each(["foo", "bar"])(
  "tells of policies about all projects that list an image, here from %s",
  async (from) => {
    const other = `${world.staging.host}/${from}`;
    const text = policy().replace("    mode: warn", "    mode: warn\n    projects: [bar]");
    const policyFile = { file: "tree/policy.yaml", text, reports: [], unread: [] };
    const open = world.registries.repository;
    const { report } = await world.promote(
      [...projects(), ...projects(other).map((project) => ({ ...project, name: "bar" }))],
      {
        signing: await signingWith([{ signer: "release", summary: "release" }], [signer]),
        trust: await trustOf({ tree: { manifests: [], policyFile }, settings: {}, open }),
      },
    );
    expect(report.policies).toMatchObject([{ policy: "annotated", mode: "warn", outcome: "missing" }]);
    expect(await results()).toEqual(["FAILED"]);
  },
);
