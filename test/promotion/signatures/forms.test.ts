import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPolicyFile } from "../../../src/manifest/index.ts";
import {
  type Descriptor,
  type Digest,
  hexOf,
  type ImageDocument,
  parseRepository,
  parseTag,
  readImageContent,
} from "../../../src/oci/index.ts";
import type { PromoteOptions } from "../../../src/promotion/index.ts";
import type { Repository } from "../../../src/registry/index.ts";
import type { SigningRule } from "../../../src/settings/index.ts";
import { type Signer, signatureStatement, statementBytes } from "../../../src/signing/index.ts";
import { openVerifier, readPublicKey, type SignatureVerifier } from "../../../src/sigstore/index.ts";
import { attachBundle, readAttachments, trustOf } from "../../../src/trust/index.ts";
import { openWorld, type PromotionWorld } from "../../support/world.ts";
import { pushBuildKitImage } from "../../trust/attach.ts";
import { keySigner, signingWith } from "./signing.ts";

const signature = "https://sigstore.dev/cosign/sign/v1";
const record = "https://k8s.io/promo-tools/promotion/v1";
const summary = "https://slsa.dev/verification_summary/v1";

describe("what is signed, and in which form", () => {
  let world: PromotionWorld;
  let release: Signer;
  let judge: Signer;
  let verifier: SignatureVerifier;
  let image: Awaited<ReturnType<typeof pushBuildKitImage>>;
  let staging: Repository;

  beforeEach(async () => {
    world = await openWorld();
    [release, judge] = [await keySigner(world.folder), await keySigner(world.folder, "judge")];
    const keys = await Promise.all([release, judge].map(keyOf));
    verifier = openVerifier({ keys });
    staging = at(`${world.staging.host}/foo/app`);
    image = await pushBuildKitImage(staging);
    const root = await staging.fetch(image.root.digest);
    if (root !== undefined) await staging.put(root, parseTag("v1"));
  });
  afterEach(() => world.close());

  const at = (name: string): Repository => world.registries.repository(parseRepository(name));
  const production = () => at(`${world.production.host}/eu/app`);
  const keyOf = async (signer: Signer) => {
    const identity = await signer.identity();
    if (identity.kind !== "key") throw new TypeError("a key was expected");
    return readPublicKey(identity.publicKey, signer.name, signer.name);
  };

  const run = async (rule: Partial<SigningRule>, options: Partial<PromoteOptions> = {}) => {
    const project = {
      name: "foo",
      source: `${world.staging.host}/foo`,
      destinations: [`${world.production.host}/eu`],
      images: { app: { [image.root.digest]: ["v1"] } },
    };
    const signing = await signingWith([{ signer: "release", ...rule }], [release, judge]);
    return world.promote([project], { signing, ...options });
  };

  /** What is signed about a digest: its way, its predicate type and whose key it was, or why nobody's. */
  const signedOf = async (digest: Digest): Promise<readonly string[]> => {
    const { attachments } = await readAttachments(production(), digest, { verifier, limits: { depth: 1 } });
    return attachments
      .filter(({ subject, way }) => subject === digest && way !== "index")
      .flatMap(({ way, readings }) => readings.map((reading) => ({ way, ...reading })))
      .filter(({ signature: { state } }) => state !== "unsigned")
      .map(({ way, signature: found, statement }) => {
        const by = found.state === "verified" && found.by.kind === "key" ? found.by.name : found.state;
        return `${way} ${statement?.predicateType ?? ""} ${by}`;
      })
      .sort();
  };
  const predicateOf = async (type: string): Promise<unknown> => {
    const { attachments } = await readAttachments(production(), image.root.digest, { verifier });
    const statements = attachments.flatMap(({ readings }) =>
      readings.flatMap((each) => each.statement ?? []),
    );
    return statements.find(({ predicateType }) => predicateType === type)?.predicate;
  };
  /** A second run changes nothing. */
  const expectSettled = async (rule: Partial<SigningRule>, options: Partial<PromoteOptions> = {}) => {
    const before = world.production.seen.length;
    const { report } = await run(rule, options);
    expect(report).toMatchObject({ asDesired: true, counts: { done: 0 } });
    const since = world.production.seen.slice(before);
    expect(since.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
  };

  const bundle = `referrer ${signature} release`;
  const tag = `tag ${signature} release`;
  it.each([
    ["bundle", [bundle], `referrer ${record} release`],
    ["legacy", [tag], `tag ${record} release`],
    ["both", [bundle, tag], `referrer ${record} release`],
  ] as const)("signs an index and its platforms in the layout %s", async (layout, signatures, recorded) => {
    const rule = { layout, platforms: true, record: true };
    expect((await run(rule)).report).toMatchObject({ asDesired: true });
    expect(await signedOf(image.root.digest)).toEqual([...signatures, recorded].sort());
    expect(await signedOf(image.first.digest)).toEqual(signatures);
    expect(await signedOf(image.second.digest)).toEqual(signatures);
    expect(await signedOf(image.attestation.digest)).toEqual([]);
    await expectSettled(rule);
  });

  it("signs platforms that were left unsigned, and the others not again", async () => {
    await run({});
    const { plan } = await run({ platforms: true }, { confirm: false });
    expect(plan.sections.at(-1)?.items).toMatchObject([
      { edges: [{ what: "signature", subjects: [image.first.digest, image.second.digest] }] },
    ]);
    await run({ platforms: true });
    expect(await signedOf(image.root.digest)).toEqual([bundle]);
    expect(await signedOf(image.second.digest)).toEqual([bundle]);
    await expectSettled({ platforms: true });
  });

  describe("a summary", () => {
    const policyOf = async (mode: "require" | "warn"): Promise<PromoteOptions["trust"]> => {
      const { publicKey } = (await judge.identity()) as { publicKey: string };
      const file = join(world.folder, "tree/policy.yaml");
      await mkdir(join(world.folder, "tree"), { recursive: true });
      const key = publicKey.trimEnd().replaceAll(/^/gm, "      ");
      await writeFile(
        file,
        `signers:\n  judge:\n    key: |\n${key}\nrules:\n  - name: signed\n    mode: ${mode}\n    signature: { by: [judge] }\n`,
      );
      const tree = { manifests: [], policyFile: await readPolicyFile(file) };
      return trustOf({ tree, settings: {}, open: world.registries.repository });
    };
    const signAtStaging = async () => {
      const bytes = await judge.bundle(statementBytes(signatureStatement({ digest: image.root.digest })));
      return attachBundle(staging, image.root, bytes, signature);
    };
    const bundleOf = async (manifest: Digest): Promise<Digest> => {
      const document = await staging.fetch(manifest);
      const { blobs } = readImageContent(document as ImageDocument, staging.name);
      return (blobs[1] as Descriptor).digest;
    };
    const rule = { summary: "judge", identity: "registry.example.com/{name}" };

    it.each(["bundle", "legacy"] as const)(
      "tells which policy let an image through, as %s",
      async (layout) => {
        const accepted = await signAtStaging();
        const asked = { ...rule, layout };
        const trust = await policyOf("require");
        expect((await run(asked, { trust })).report).toMatchObject({ asDesired: true });
        const way = layout === "bundle" ? "referrer" : "tag";
        expect(await signedOf(image.root.digest)).toContain(`${way} ${summary} judge`);
        expect(await predicateOf(summary)).toMatchObject({
          verifier: { id: "pkg:generic/waybill" },
          resourceUri: `registry.example.com/app@${image.root.digest}`,
          policy: { uri: "git+https://github.com/example/manifests#tree/policy.yaml" },
          verificationResult: "PASSED",
          inputAttestations: [
            {
              uri: `${world.staging.host}/foo/app@${accepted.digest}`,
              // Of the bundle: its manifest may be another elsewhere.
              digest: { sha256: hexOf(await bundleOf(accepted.digest)) },
            },
          ],
        });
        await expectSettled(asked, { trust: await policyOf("require") });
      },
    );

    it("says FAILED of an image that a policy only warns of", async () => {
      const trust = await policyOf("warn");
      expect((await run(rule, { trust })).report.counts).toMatchObject({ failed: 0, refused: 0 });
      expect(await predicateOf(summary)).toMatchObject({
        verificationResult: "FAILED",
        verifiedLevels: ["FAILED"],
      });
    });

    it("is not written of an image that a policy refuses, nor where none applies", async () => {
      const trust = await policyOf("require");
      expect((await run(rule, { trust })).report.counts).toMatchObject({
        done: 0,
        refused: expect.any(Number),
      });
      expect(await production().fetch(image.root.digest)).toBeUndefined();
      expect((await run(rule)).report).toMatchObject({ asDesired: true });
      expect(await signedOf(image.root.digest)).toEqual([bundle]);
    });
  });
});
