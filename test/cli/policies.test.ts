import { generateKeyPairSync } from "node:crypto";
import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import type { DemoImage } from "../../src/demo/image.ts";
import { parseRepository } from "../../src/oci/index.ts";
import { openSigner, type Signer, signatureStatement, statementBytes } from "../../src/signing/index.ts";
import { attachBundle } from "../../src/trust/index.ts";
import { privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";
import { type Captured, runWith } from "./captured.ts";

const test = testWith("git");

let world: PromotionWorld;
let release: Signer;
let policy: string;
let trees = 0;
let repository: TestRepository;
let path: string;

beforeAll(async () => {
  world = await openWorld();
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = join(world.folder, "release.key");
  await writeFile(key, privatePem(privateKey));
  release = await openSigner("release", { key }, signingServices({}));
  const pem = publicKey.export({ format: "pem", type: "spki" }).toString().trimEnd();
  policy = `signers:
  release:
    key: |
${pem.replaceAll(/^/gm, "      ")}
rules:
  - name: signed
    signature: { by: [release] }
`;
});
afterAll(() => world.close());

beforeEach(async () => {
  trees += 1;
  repository = await createRepository(join(world.folder, `repository-${trees}`));
  path = join(repository.path, "tree");
});

const waybill = (...argv: string[]): Promise<Captured> =>
  runWith({ ...gitEnvironment, HOME: world.folder }, ...argv);

async function sign(name: string, { root: { descriptor } }: DemoImage): Promise<void> {
  const staged = world.registries.repository(parseRepository(`${world.staging.host}/${name}`));
  const bundle = await release.bundle(statementBytes(signatureStatement({ digest: descriptor.digest })));
  await attachBundle(staged, descriptor, bundle, "https://sigstore.dev/cosign/sign/v1");
}

const projectOf = (name: string, images: Readonly<Record<string, DemoImage>>): Project => ({
  name,
  source: `${world.staging.host}/${name}`,
  destinations: [`${world.production.host}/t${trees}/${name}`],
  images: Object.fromEntries(
    Object.entries(images).map(([image, { root }]) => [image, { [root.descriptor.digest]: ["v1"] }]),
  ),
});

/** What the promoter's own manifests say of provenance. */
const provenance = `provenance:
  mode: require
  signers:
  - sigstore::https://accounts.google.com::builder@project.iam.example.com
  builders:
  - id: https://cloudbuild.googleapis.com/GoogleHostedWorker
    level: 3
  sources:
  - github.com/example/p
`;

describe("a manifest that requires provenance", () => {
  const thin = () => join(path, "manifests", "p", "promoter-manifest.yaml");

  test("is sound, and stops its own images alone, in plan, review and promote", async () => {
    const [one, two] = [await world.stage("p/app", "v1"), await world.stage("q/app", "v1")];
    await writeTree(path, [projectOf("p", {}), projectOf("q", {})]);
    await appendFile(thin(), provenance);
    await repository.commit();
    await writeTree(path, [projectOf("p", { app: one }), projectOf("q", { app: two })]);
    await appendFile(thin(), provenance);

    const checked = await waybill("check", path);
    expect(checked).toMatchObject({ status: 0, stdout: expect.stringContaining("0 errors, 0 warnings") });

    const planned = await waybill("plan", path);
    expect(planned.status).toBe(2);
    expect(planned.stdout).toContain(`copy    ${world.production.host}/t${trees}/q/app:v1`);
    expect(planned.stdout).toContain(`refused ${world.production.host}/t${trees}/p/app:v1`);

    const reviewed = await waybill("review", path, "--base", "HEAD");
    expect(reviewed.status).toBe(2);
    expect(reviewed.stdout).toContain("[policy-missing]");
    expect(reviewed.stdout).toContain("fails: 2 edges added; 1 finding to mend");

    const promoted = await waybill("promote", path, "--confirm");
    expect(promoted.status).toBe(2);
    expect(promoted.stdout).toMatch(/\n1 done, 1 refused by a policy\n$/);
  });

  test("keeps what it says when images are merged into it", async () => {
    const image = await world.stage("p/more", "v1");
    await writeTree(path, [projectOf("p", {})]);
    await appendFile(thin(), provenance);
    const before = await readFile(thin(), "utf8");
    for (const format of ["in-place", "canonical", "canonical-pr"]) {
      const merged = await waybill("merge", path, "--project", "p", "--tag", "v1", "--format", format);
      expect(merged.status).toBe(0);
    }
    expect(await readFile(join(path, "images", "p", "images.yaml"), "utf8")).toContain(
      image.root.descriptor.digest,
    );
    expect(await readFile(thin(), "utf8")).toBe(before);
  });
});

test("names all policies that refuse an image, each with its own way out, and a line that can be run", async () => {
  const image = await world.stage("all/app", "v1");
  await writeTree(path, [projectOf("all", { app: image })]);
  const config = join(world.folder, "all.yaml");
  await writeFile(config, "hosts: {}\n");
  await writeFile(
    join(path, "policy.yaml"),
    `${policy}  - name: everywhere\n    platforms: [linux/s390x]\n  - name: listed\n    sbom: {}\n`,
  );
  const planned = await waybill("plan", path, "--config", config);
  expect(planned.status).toBe(2);
  for (const name of ["signed", "everywhere", "listed"])
    expect(planned.stdout).toContain(`the policy ${name} (${join(path, "policy.yaml")}:`);
  expect(planned.stdout).toContain("have one of those whom the policy names sign the image");
  expect(planned.stdout).toContain("build the image for all platforms that the policy names");
  const verified = await waybill("verify", path, "--config", config);
  expect(verified.status).toBe(2);
  expect(verified.stdout).toContain(
    `waybill plan ${path} --config ${config} says whether one stands against it`,
  );
  expect(verified.stdout).not.toContain("waybill promote");
  await rm(join(path, "policy.yaml"));
  const free = await waybill("verify", path, "--config", config);
  expect(free.stdout).toContain(`waybill promote ${path} --config ${config} --confirm puts it`);
});

test("one image of a hundred that the right key has not signed stops itself, and the others are done", async () => {
  const names = Array.from({ length: 100 }, (_, number) => `app${number}`);
  const staged = await Promise.all(
    names.map(async (name, number) => {
      const image = await world.stage(`many/${name}`, "v1");
      if (number !== 57) await sign(`many/${name}`, image);
      return [name, image] as const;
    }),
  );
  await writeTree(path, [projectOf("many", Object.fromEntries(staged))]);
  await writeFile(join(path, "policy.yaml"), policy);

  const promoted = await waybill("promote", path, "--confirm");
  expect(promoted.status).toBe(2);
  expect(promoted.stdout).toContain(`refused ${world.production.host}/t${trees}/many/app57:v1\n`);
  expect(promoted.stdout).toMatch(/\n198 done, 1 refused by a policy\n$/);

  // 99 images and as many signatures are there; the second run writes nothing, and does not ask for signatures again.
  const again = JSON.parse((await waybill("promote", path, "--confirm", "--json")).stdout);
  expect(again.counts).toMatchObject({ done: 0, refused: 1, present: 99, failed: 0, unread: 0 });
  const verified = JSON.parse((await waybill("verify", path, "--signatures", "--json")).stdout);
  expect(verified.findings.map(({ kind }: { kind: string }) => kind).sort()).toEqual([
    "missing-image",
    "missing-tag",
  ]);
  expect(
    verified.policies.filter(({ outcome }: { outcome: string }) => outcome === "satisfied"),
  ).toHaveLength(99);
});
