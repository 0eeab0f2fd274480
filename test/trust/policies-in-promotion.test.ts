import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoImage, pushImage } from "../../src/demo/image.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import { type Digest, parseRepository, parseTag, type RepositoryName } from "../../src/oci/index.ts";
import { causesOfFindings, type Promotion, promote, verifyProduction } from "../../src/promotion/index.ts";
import type { TrustSettings } from "../../src/settings/index.ts";
import { openSigner, type Signer, signatureStatement, statementBytes } from "../../src/signing/index.ts";
import { attachBundle, trustOf } from "../../src/trust/index.ts";
import { privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { type Project, writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

let world: PromotionWorld;
let release: Signer;
let stranger: Signer;
let pem: string;

beforeAll(async () => {
  world = await openWorld();
  const keys = [generateKeyPairSync("ec", { namedCurve: "P-256" }), generateKeyPairSync("ed25519")] as const;
  pem = keys[0].publicKey.export({ format: "pem", type: "spki" }).toString();
  const signerOf = async (name: string, { privateKey }: (typeof keys)[number]) => {
    const key = join(world.folder, `${name}.key`);
    await writeFile(key, privatePem(privateKey));
    return openSigner(name, { key }, signingServices({}));
  };
  [release, stranger] = [await signerOf("release", keys[0]), await signerOf("stranger", keys[1])];
});
afterAll(() => world.close());

const signed = "https://sigstore.dev/cosign/sign/v1";

async function sign(name: string, { root }: DemoImage, by: Signer): Promise<void> {
  const { descriptor } = root;
  const bundle = await by.bundle(statementBytes(signatureStatement({ digest: descriptor.digest })));
  await attachBundle(stagingOf(name), descriptor, bundle, signed);
}

const stagingOf = (name: string) =>
  world.registries.repository(parseRepository(`${world.staging.host}/${name}`));

/** A tree of one project with these images, each under the tag `v1`, and this policy beside it. */
async function treeOf(name: string, images: Readonly<Record<string, Digest>>, policy: string) {
  const path = join(world.folder, `tree-${name}`);
  const project: Project = {
    name,
    source: `${world.staging.host}/${name}`,
    destinations: [`${world.production.host}/${name}`],
    images: Object.fromEntries(
      Object.entries(images).map(([image, digest]) => [image, { [digest]: ["v1"] }]),
    ),
  };
  await writeTree(path, [project]);
  await writeFile(join(path, "policy.yaml"), policy);
  return readManifestTree(path);
}

async function run(
  tree: Awaited<ReturnType<typeof treeOf>>,
  { settings = {}, confirm = true }: { settings?: TrustSettings; confirm?: boolean } = {},
): Promise<Promotion> {
  const open = world.registries.repository;
  return promote({ tree, open, confirm, trust: await trustOf({ tree, settings, open }) });
}

const policyOf = (mode = "require", more = ""): string => `
signers:
  release:
    key: |
${pem.replaceAll(/^/gm, "      ").trimEnd()}
rules:
  - name: signed
    mode: ${mode}
    signature: { by: [release] }
${more}`;

test("a policy lets through what the right key has signed, and stops the rest, each for its own reason", async () => {
  const names = ["good", "unsigned", "strange"] as const;
  const images = await Promise.all(names.map((name) => world.stage(`one/${name}`, "v1")));
  const [good, unsigned, strange] = images as [DemoImage, DemoImage, DemoImage];
  await sign("one/good", good, release);
  await sign("one/strange", strange, stranger);
  const digests = Object.fromEntries(
    names.map((name, at) => [name, images[at]?.root.descriptor.digest as Digest]),
  );
  const tree = await treeOf("one", digests, policyOf());
  expect(tree.diagnostics).toEqual([]);
  const { report } = await run(tree);
  expect(report.counts).toMatchObject({ refused: 2, failed: 0, unread: 0 });
  expect(report.problems.map(({ digest, reason }) => [digest, reason])).toEqual(
    expect.arrayContaining([
      [unsigned.root.descriptor.digest, "policy-missing"],
      [strange.root.descriptor.digest, "policy-failed"],
    ]),
  );
  const said = report.policies?.map(({ digest, outcome, policy }) => [digest, policy, outcome]);
  expect(said).toHaveLength(3);
  expect(said).toContainEqual([good.root.descriptor.digest, "signed", "satisfied"]);
  expect(report.policies?.find(({ outcome }) => outcome === "satisfied")?.why).toContain("release");

  // What went along satisfies the policy in production as well; nothing else is there.
  const open = world.registries.repository;
  const trust = await trustOf({ tree, settings: {}, open });
  const { findings, policies } = await verifyProduction({
    manifests: tree.manifests,
    open,
    trust,
    signatures: true,
  });
  expect(findings.map(({ kind }) => kind).sort()).toEqual([
    "missing-image",
    "missing-image",
    "missing-tag",
    "missing-tag",
  ]);
  expect(policies).toMatchObject([{ outcome: "satisfied", digest: good.root.descriptor.digest }]);
});

test("a warning and an exception stop nothing, and are told", async () => {
  const image = await world.stage("two/app", "v1");
  const { digest } = image.root.descriptor;
  const warned = await run(await treeOf("two", { app: digest }, policyOf("warn")), { confirm: false });
  expect(warned.report.asDesired).toBe(true);
  expect(warned.report.policies).toMatchObject([{ mode: "warn", outcome: "missing" }]);
  const exception = `exceptions:
  - rules: [signed]
    digests: ["${digest}"]
    until: 2999-12-31
    reason: built by hand
    by: ann@example.com
`;
  const excepted = await run(await treeOf("two", { app: digest }, policyOf("require", exception)));
  expect(excepted.report.asDesired).toBe(true);
  expect(excepted.report.policies).toMatchObject([{ outcome: "excepted" }]);
  expect(excepted.report.policies?.[0]?.why).toContain("ann@example.com");
});

test("a policy that cannot be read lets nothing pass, and one of other images asks nobody", async () => {
  const image = await world.stage("three/app", "v1");
  const { digest } = image.root.descriptor;
  const broken = await treeOf("three", { app: digest }, "rules: [\n");
  expect(broken.diagnostics).toMatchObject([{ severity: "error" }]);
  const { report } = await run(broken, { confirm: false });
  expect(report.problems).toMatchObject([{ state: "unread", reason: "policy-unreadable" }]);

  const elsewhere = policyOf().replace("    mode:", "    images: [elsewhere.example/**]\n    mode:");
  const tree = await treeOf("three", { app: digest }, elsewhere);
  const open = world.registries.repository;
  const trust = await trustOf({ tree, settings: { travel: "none" }, open });
  const asked: string[] = [];
  const counting = {
    ...trust,
    attachments: (name: RepositoryName, of: Digest) => {
      asked.push(of);
      return trust.attachments(name, of);
    },
  };
  const { report: planned } = await promote({ tree, open, trust: counting, confirm: false });
  expect(planned.asDesired).toBe(true);
  expect([asked, planned.policies]).toEqual([[], undefined]);
});

test("an image without an index is for the platform that its config names", async () => {
  const { children, blobs } = await world.stage("five/app", "v1");
  const [child] = children;
  if (child === undefined) throw new Error("the image has no platform");
  const single: DemoImage = { root: child, children: [child], blobs };
  await pushImage(single, stagingOf("five/app"), [parseTag("v1")]);
  const { digest } = child.descriptor;
  const outcomeOf = async (platforms: string) => {
    const policy = `rules:\n  - name: everywhere\n    mode: require\n    platforms: ${platforms}\n`;
    const { report } = await run(await treeOf("five", { app: digest }, policy), { confirm: false });
    return report.policies?.map(({ outcome, why }) => [outcome, why]);
  };
  expect(await outcomeOf("[linux/amd64]")).toEqual([["satisfied", "it is for linux/amd64"]]);
  expect(await outcomeOf("[linux/amd64, linux/arm64]")).toEqual([
    ["missing", "it is not for linux/arm64, but for linux/amd64"],
  ]);
});

test("without a policy, verification of signatures wants one that is verified", async () => {
  const names = ["signed", "strange", "bare"] as const;
  const images = await Promise.all(names.map((name) => world.stage(`four/${name}`, "v1")));
  const [first, second] = images as [DemoImage, DemoImage, DemoImage];
  await sign("four/signed", first, release);
  await sign("four/strange", second, stranger);
  const digests = Object.fromEntries(
    names.map((name, at) => [name, images[at]?.root.descriptor.digest as Digest]),
  );
  const tree = await treeOf("four", digests, "rules: []\n");
  const { report } = await run(tree);
  expect(report.asDesired).toBe(true);
  const key = join(world.folder, "release.pub");
  await writeFile(key, pem);
  const open = world.registries.repository;
  const trust = await trustOf({ tree, settings: { keys: { release: key } }, open });
  const { findings } = await verifyProduction({ manifests: tree.manifests, open, trust, signatures: true });
  expect(findings.map(({ kind, digest }) => [kind, digest]).sort()).toEqual(
    [
      ["not-verified", digests.strange],
      ["unsigned", digests.bare],
    ].sort(),
  );
  expect(causesOfFindings(findings)).toHaveLength(2);
});

test("an image of two sources is judged by the policies about both, whichever still has it", async () => {
  const image = await world.stage("both-b/app", "v1");
  const images = { app: { [image.root.descriptor.digest]: ["v1"] } };
  const path = join(world.folder, "tree-both");
  const destinations = [`${world.production.host}/both`];
  await writeTree(
    path,
    ["both-a", "both-b"].map((name) => ({
      name,
      source: `${world.staging.host}/${name}`,
      destinations,
      images,
    })),
  );
  await writeFile(
    join(path, "policy.yaml"),
    policyOf().replace("    mode:", "    projects: [both-a]\n    mode:"),
  );
  const tree = await readManifestTree(path);
  expect(tree.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const { report } = await run(tree, { confirm: false });
  expect(report.problems).toMatchObject([{ state: "refused", reason: "policy-missing" }]);
});

test("what travels is decided for each destination by the policies about it", async () => {
  const image = await world.stage("six/app", "v1");
  const { digest } = image.root.descriptor;
  await sign("six/app", image, release);
  await sign("six/app", image, stranger);
  const path = join(world.folder, "tree-six");
  const destinations = ["six-a", "six-b"].map((name) => `${world.production.host}/${name}`);
  const source = `${world.staging.host}/six`;
  await writeTree(path, [{ name: "six", source, destinations, images: { app: { [digest]: ["v1"] } } }]);
  const scope = `    images: ["${world.production.host}/six-a/**"]\n    mode:`;
  await writeFile(join(path, "policy.yaml"), policyOf().replace("    mode:", scope));
  const tree = await readManifestTree(path);
  expect((await run(tree)).report.problems).toEqual([]);
  const signedAt = async (name: string) =>
    (
      await world.registries
        .repository(parseRepository(`${world.production.host}/${name}/app`))
        .referrers(digest)
    ).length;
  expect([await signedAt("six-a"), await signedAt("six-b")]).toEqual([1, 2]);
});

test("in production, only who is named for an image has signed it", async () => {
  const open = world.registries.repository;
  const [app, other] = [await world.stage("named/app", "v1"), await world.stage("named/other", "v1")];
  const digests = { app: app.root.descriptor.digest, other: other.root.descriptor.digest };
  const free = await treeOf("named", digests, "rules: []\n");
  await run(free);
  for (const [name, { root }] of Object.entries({ app, other })) {
    const { digest } = root.descriptor;
    const bundle = await release.bundle(statementBytes(signatureStatement({ digest })));
    const production = open(parseRepository(`${world.production.host}/named/${name}`));
    await attachBundle(production, root.descriptor, bundle, signed);
  }
  const kindsWith = async (policy: string, settings: TrustSettings = {}) => {
    const tree = await treeOf("named", digests, policy);
    const trust = await trustOf({ tree, settings, open });
    const { findings } = await verifyProduction({ manifests: tree.manifests, open, trust, signatures: true });
    return findings.map(({ kind, destination }) => `${kind} ${destination.split("/").at(-1)}`).sort();
  };
  // The key is in the policy for the one image: for the other it is nobody's.
  const scoped = policyOf().replace("    mode:", `    images: ["**/app"]\n    mode:`);
  expect(await kindsWith(scoped)).toEqual(["not-verified other"]);
  const key = join(world.folder, "release.pem");
  await writeFile(key, pem);
  expect(await kindsWith(scoped, { keys: { release: key } })).toEqual([]);
  // A policy of something else does not stand for a signature.
  const sbom = "rules:\n  - name: listed\n    mode: warn\n    sbom: {}\n";
  expect(await kindsWith(sbom)).toEqual(["not-verified app", "not-verified other"]);
});
