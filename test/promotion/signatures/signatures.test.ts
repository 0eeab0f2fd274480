import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest, RepositoryName } from "../../../src/oci/index.ts";
import { cosignTag, parseRepository, readImageContent } from "../../../src/oci/index.ts";
import { formatPlan, type PromoteOptions, readPlan } from "../../../src/promotion/index.ts";
import { readSmallBlob } from "../../../src/registry/index.ts";
import type { SigningRule } from "../../../src/settings/index.ts";
import { openSigner, type Signer } from "../../../src/signing/index.ts";
import { type Attachment, knownSigner, readAttachments } from "../../../src/trust/index.ts";
import { signingServices } from "../../signing/services.ts";
import type { Project } from "../../support/tree.ts";
import { openWorld, type PromotionWorld } from "../../support/world.ts";
import { keySigner, signingWith } from "./signing.ts";

const record = "https://k8s.io/promo-tools/promotion/v1";
const signature = "https://sigstore.dev/cosign/sign/v1";

describe("signing at promotion", () => {
  let world: PromotionWorld;
  let signer: Signer;
  let digest: Digest;

  beforeEach(async () => {
    world = await openWorld();
    signer = await keySigner(world.folder);
    const image = await world.stage("foo/app", "v1");
    ({ digest } = image.root.descriptor);
  });
  afterEach(() => world.close());

  const projects = (tags: readonly string[] = ["v1"]) => [
    {
      name: "foo",
      source: `${world.staging.host}/foo`,
      destinations: [`${world.production.host}/eu`, `${world.production.host}/us`],
      images: { app: { [digest]: [...tags] } },
    },
  ];
  const repository = (name: string) =>
    world.registries.repository(parseRepository(`${world.production.host}/${name}`) as RepositoryName);
  const run = async (rule: Partial<SigningRule> = {}, options: Partial<PromoteOptions> = {}) =>
    world.promote(projects(), {
      signing: await signingWith([{ signer: "release", ...rule }], [signer]),
      ...options,
    });
  const hangingOn = async (name: string, of = digest): Promise<readonly Attachment[]> => {
    const verifier = await knownSigner(signer).verifier();
    return (await readAttachments(repository(name), of, { verifier })).attachments;
  };
  const said = async (name: string, of = digest) =>
    (await hangingOn(name, of)).flatMap(({ way, readings }) =>
      readings.map(({ signature: state, statement }) => [
        way,
        state.state,
        statement?.predicateType,
        statement?.subjects[0]?.name,
      ]),
    );

  it("tells a key that is not there as the signer's failure, with its file", async () => {
    await world.promote(projects());
    const key = `${world.folder}/gone.key`;
    const gone = openSigner("release", { key }, signingServices());
    const { report } = await world.promote(projects(), {
      signing: await signingWith([{ signer: "release" }], [gone]),
    });
    expect(report.problems).toMatchObject([
      { state: "unread", reason: "signer-failed", failure: { code: "signer-unavailable", where: key } },
      { state: "unread", reason: "signer-failed" },
    ]);
    expect(report.causes).toMatchObject([{ count: 2, message: expect.stringContaining(key) }]);
    expect(JSON.stringify(report.causes)).not.toContain("production could not be read");
  });

  it("signs each image where it arrives, and writes nothing the second time", async () => {
    const { report } = await run({ record: true });
    expect(report.counts).toMatchObject({ done: 6, failed: 0, pending: 0 });
    const { host } = world.production;
    for (const name of ["eu/app", "us/app"]) {
      expect((await said(name)).sort()).toEqual(
        [
          ["referrer", "verified", record, `${host}/${name}`],
          ["referrer", "verified", signature, undefined],
        ].sort(),
      );
    }
    const before = world.production.seen.length;
    const again = await run({ record: true });
    expect(again.report.counts).toMatchObject({ done: 0, present: 6 });
    expect(again.plan.sections.map(({ kind, present }) => [kind, present])).toEqual([
      ["images", 2],
      ["signatures", 4],
    ]);
    const since = world.production.seen.slice(before);
    expect(since.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
  });

  it("says in a plan what is to be signed, and why, and a saved plan allows no more", async () => {
    const dry = await run({ record: true }, { confirm: false });
    expect(dry.plan.reasons).toEqual({ "digest-absent": 2, "signature-absent": 2, "record-absent": 2 });
    expect(dry.plan.sections[1]?.items).toHaveLength(2);
    expect(await readPlan(formatPlan(dry.plan), "plan.json")).toEqual(dry.plan);
    const unsigned = await world.promote(projects(), { confirm: false });
    expect(unsigned.plan.sections.map(({ kind }) => kind)).toEqual(["images"]);
    const held = await run({}, { saved: { plan: unsigned.plan, where: "plan.json" } });
    expect(held.report.counts).toMatchObject({ done: 2, withheld: 2 });
    expect(await said("eu/app")).toEqual([]);
  });

  it("signs what is there already: whatever a run has left undone", async () => {
    await world.promote(projects());
    const { plan, report } = await run({ record: true });
    expect(plan.reasons).toEqual({ "signature-absent": 2, "record-absent": 2 });
    expect(report.counts).toMatchObject({ done: 4, present: 2 });
  });

  it("adds to what others have signed under cosign's tags, and is found there", async () => {
    const other = await keySigner(world.folder, "other");
    const rule = { layout: "legacy", record: true } as const;
    const signing = await signingWith([{ signer: "other", ...rule }], [other]);
    await world.promote(projects(), { signing });
    const { report } = await run(rule);
    expect(report.counts).toMatchObject({ done: 4, present: 2 });
    const states = (await said("eu/app")).map(([way, state]) => [way, state]);
    expect(states.sort()).toEqual([
      ["tag", "unverifiable"],
      ["tag", "unverifiable"],
      ["tag", "verified"],
      ["tag", "verified"],
    ]);
    expect((await run(rule)).report.counts).toMatchObject({ done: 0, present: 6 });
    const tag = await repository("eu/app").fetch(cosignTag(digest, "sig"));
    const [, layer] = tag === undefined ? [] : readImageContent(tag).blobs;
    const payload = layer && (await readSmallBlob(repository("eu/app"), layer, 10_000));
    expect(JSON.parse(String(payload))).toMatchObject({
      critical: { identity: { "docker-reference": `${world.production.host}/eu/app` } },
    });
  });

  it("names the image as a rule says, and signs once for all mirrors then", async () => {
    let made = 0;
    const counting: Signer = {
      ...signer,
      bundle: (statement) => {
        made += 1;
        return signer.bundle(statement);
      },
    };
    const rule = { signer: "release", identity: "registry.example.com/{name}", layout: "both", record: true };
    const signing = await signingWith([rule as SigningRule], [counting]);
    const { report } = await world.promote(projects(), { signing });
    expect(report.counts).toMatchObject({ done: 8, failed: 0 });
    expect(made).toBe(2);
    const names = new Set((await said("us/app")).map(([, , , name]) => name));
    expect([...names]).toEqual(["registry.example.com/app"]);
    expect(await said("us/app")).toHaveLength(3);
    const [one, other] = await Promise.all([hangingOn("eu/app"), hangingOn("us/app")]);
    const digestsOf = (all: readonly Attachment[]) => all.map(({ manifest }) => manifest.digest).sort();
    expect(digestsOf(one)).toEqual(digestsOf(other));
  });

  it("does not sign an image that did not get there, and signs the others", async () => {
    const image = await world.stage("foo/bar", "v1");
    const bar = image.root.descriptor.digest;
    world.production.interfere(({ method }, { pathname }) =>
      method === "PUT" && pathname.includes("/eu/bar/manifests/")
        ? (response) => response.writeHead(403).end()
        : undefined,
    );
    const [project] = projects();
    const images = { app: { [digest]: ["v1"] }, bar: { [bar]: ["v1"] } };
    const signing = await signingWith([{ signer: "release" }], [signer]);
    const { report } = await world.promote([{ ...project, images } as Project], { signing });
    expect(report.counts).toMatchObject({ done: 6, failed: 2 });
    expect(report.problems.map(({ kind, failure }) => [kind, failure?.code])).toEqual([
      ["images", "denied"],
      ["signatures", "image-not-arrived"],
    ]);
    world.production.interfere();
    const again = await world.promote([{ ...project, images } as Project], { signing });
    expect(again.report.counts).toMatchObject({ done: 2, present: 6, failed: 0 });
    expect(await said("eu/bar", bar)).toHaveLength(1);
  });

  it("asks for no signatures of what was copied to a place with nothing in it", async () => {
    const { report } = await run();
    expect(report.counts).toMatchObject({ done: 4, failed: 0 });
    const looks = world.production.seen.filter(({ url }) => url.includes("/referrers/"));
    // Once, at most for each, to see that the registry lists what it says that it keeps.
    expect(looks.length).toBeLessThanOrEqual(2);
  });

  it("finds no signature of ours in one by another key", async () => {
    const other = await keySigner(world.folder, "other");
    const signing = await signingWith([{ signer: "other" }], [other]);
    await world.promote(projects(), { signing });
    const { plan } = await run({}, { confirm: false });
    expect(plan.reasons).toEqual({ "signature-absent": 2 });
  });

  it("lists the tags that arrived in the record", async () => {
    await run({ record: true, images: ["*/eu/**"] });
    const [found] = (await hangingOn("eu/app")).flatMap(({ readings }) =>
      readings.flatMap(({ statement }) => (statement?.predicateType === record ? [statement] : [])),
    );
    expect(found?.predicate).toMatchObject({
      srcRef: `${world.staging.host}/foo/app@${digest}`,
      dstRef: `${world.production.host}/eu/app`,
      tags: ["v1"],
      timestamp: "2026-12-01T12:00:00Z",
      manifest: { uri: "git+https://github.com/example/manifests", digest: { gitCommit: "a".repeat(40) } },
    });
    expect(await said("us/app")).toEqual([]);
  });
});
