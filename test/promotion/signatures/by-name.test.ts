import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Digest, parseRepository, parseTag } from "../../../src/oci/index.ts";
import { checkSignatures } from "../../../src/promotion/index.ts";
import type { Signer } from "../../../src/signing/index.ts";
import { knownSigner, readAttachments } from "../../../src/trust/index.ts";
import { runWith } from "../../cli/captured.ts";
import { writeTree } from "../../support/tree.ts";
import { openWorld, type PromotionWorld } from "../../support/world.ts";
import { keySigner, signingWith } from "./signing.ts";

let world: PromotionWorld;
let signer: Signer;
let digest: Digest;

beforeAll(async () => {
  world = await openWorld();
  signer = await keySigner(world.folder);
  ({ digest } = (await world.stage("foo/app", "v1")).root.descriptor);
});
afterAll(() => world.close());

const record = "https://k8s.io/promo-tools/promotion/v1";

it("records of an image by name what is known of it, and nothing else", async () => {
  const name = parseRepository(`${world.staging.host}/foo/app`);
  const report = await checkSignatures({
    of: [{ repository: name, digest, tags: [parseTag("v1")] }],
    open: world.registries.repository,
    signing: await signingWith([{ signer: "release", record: true }], [signer]),
    confirm: true,
  });
  expect(report.counts).toMatchObject({ done: 2, failed: 0 });
  const verifier = await knownSigner(signer).verifier();
  const repository = world.registries.repository(name);
  const { attachments } = await readAttachments(repository, digest, { verifier });
  const predicates = attachments.flatMap(({ readings }) =>
    readings.flatMap(({ statement }) => (statement?.predicateType === record ? [statement.predicate] : [])),
  );
  expect(predicates).toMatchObject([{ dstRef: name, digest, tags: ["v1"] }]);
  for (const field of ["srcRef", "source", "manifest"]) expect(predicates[0]).not.toHaveProperty(field);
});

it("signs no image by name where there are policies", async () => {
  const folder = `${world.folder}/checkout`;
  const tree = `${folder}/tree`;
  const project = {
    name: "foo",
    source: "staging.example.com/foo",
    destinations: ["prod.example.com"],
    images: {},
  };
  await writeTree(tree, [project]);
  await writeFile(`${tree}/policy.yaml`, "rules: []\n");
  await writeFile(
    `${folder}/waybill.yaml`,
    `trust:\n  signers:\n    release: { key: ${world.folder}/release.key }\n  sign:\n    - { signer: release, images: ["**"] }\n`,
  );
  const words = ["sigcheck", `${world.staging.host}/foo/app:v1`, "--manifests", tree, "--confirm"];
  const { status, stderr } = await runWith({ WAYBILL_CONFIG: `${folder}/waybill.yaml` }, ...words);
  expect(status).not.toBe(0);
  expect(stderr).toContain("images by name are not signed where there are policies");
});
