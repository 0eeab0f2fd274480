import { afterEach, expect, test } from "vitest";
import type { PolicyVerdict } from "../../src/policy/index.ts";
import { formatPlan, leftBehindInWords, type Report, readPlan } from "../../src/promotion/index.ts";
import type { TravelSetting } from "../../src/settings/index.ts";
import { withOwn } from "../support/registry-client.ts";
import { bundle, refer, slsa, tagAlong } from "../trust/attach.ts";
import { hangingIn, type Kind, openTravelWorld } from "./travel-world.ts";

let world: Awaited<ReturnType<typeof openTravelWorld>>;
afterEach(() => world.close());

/** What a report says of what travels: how much, by state. */
const travelled = ({ work, problems }: Report) => {
  const counts: Record<string, number> = {};
  for (const { kind, state } of [...work, ...problems])
    if (kind === "referrers") counts[state] = (counts[state] ?? 0) + 1;
  return counts;
};

const pairs: readonly (readonly [Kind, Kind])[] = [
  ["api", "api"],
  ["api", "no api"],
  ["no api", "api"],
  ["no api", "no api"],
  ["api", "folder"],
  ["folder", "no api"],
];

test.each(pairs)(
  "all that hangs on an image goes with it, from %s to %s, and a second run writes nothing",
  async (from, to) => {
    world = await openTravelWorld(from, to);
    const { staged, promoted, sig } = world;
    const { report } = await world.run();
    expect(report.problems).toEqual([]);
    // Four referrers, and three layers under two tags.
    expect(travelled(report)).toEqual({ done: 7 });
    expect(await hangingIn(promoted, world)).toEqual(await hangingIn(staged, world));
    // It is put as it is, byte for byte.
    expect((await promoted.resolve(sig.tag))?.digest).toBe(sig.digest);
    const again = await world.run({ travel: "all" });
    expect(again.report).toMatchObject({ asDesired: true, work: [], counts: { present: 8 } });
  },
  30_000,
);

test("nothing is asked about images that are there unless a setting says what travels", async () => {
  world = await openTravelWorld("api", "api");
  await world.run();
  await refer(world.staged, world.image.root, bundle(world.image.root.digest, slsa));
  const asked = async (options: Parameters<typeof world.run>[0]) => {
    world.requests.splice(0);
    const { report } = await world.run({ confirm: false, ...options });
    return { requests: [...world.requests], ...travelled(report) };
  };
  const usual = await asked({});
  expect(usual.requests).toEqual(["production resolve"]);
  expect(await asked({ travel: "none" })).toEqual(usual);
  const looked = await asked({ travel: "all" });
  expect(looked).toMatchObject({ pending: 1 });
  // One list for each manifest that something hangs on at the source, and each tag that stands there.
  const production = looked.requests.filter((request) => request === "production referrers");
  expect(production).toHaveLength(3);
  expect(await world.verify()).toMatchObject({ findings: [] });
  const { findings } = await world.verify("all");
  expect(findings).toMatchObject([{ kind: "missing-attachment", digest: world.image.root.digest }]);
  expect(findings[0]?.message).toContain(
    "Sigstore bundle of https://slsa.dev/provenance/v1, signed, not verifiable",
  );
  expect((await world.run({ travel: "all" })).report.asDesired).toBe(true);
  expect(await world.verify("all")).toMatchObject({ findings: [] });
  expect(await asked({ travel: "all" })).not.toHaveProperty("pending");
});

test("what production has under a tag stays, whatever is brought there", async () => {
  world = await openTravelWorld("api", "no api");
  const { promoted, image, one } = world;
  const theirs = { ...one, annotations: { "dev.cosignproject.cosign/signature": "dGhlaXJz" } };
  const { tag } = await tagAlong(promoted, image.root.digest, "sig", [theirs, one]);
  await world.run();
  expect((await hangingIn(promoted, world)).tags[tag]).toEqual(["dGhlaXJz", "c2ln", "b3RoZXI="]);
  expect((await world.run({ travel: "all" })).report.work).toEqual([]);
});

test("an image without a tag takes the same with it", async () => {
  world = await openTravelWorld("api", "api");
  world.untagged();
  expect(travelled((await world.run()).report)).toEqual({ done: 7 });
  expect(await hangingIn(world.promoted, world)).toEqual(await hangingIn(world.staged, world));
});

test("what appeared after the plan was saved is told apart, and stays", async () => {
  world = await openTravelWorld("api", "api");
  const { staged, promoted, image, one, other } = world;
  const { plan } = await world.run({ confirm: false });
  const late = await refer(staged, image.root, bundle(image.root.digest, slsa));
  const third = { ...one, annotations: { "dev.cosignproject.cosign/signature": "bGF0ZQ==" } };
  const { tag } = await tagAlong(staged, image.root.digest, "sig", [third, one, other]);
  const { report } = await world.run({ saved: { plan, where: "plan.json" } });
  expect(travelled(report)).toEqual({ done: 7, withheld: 2 });
  expect(report.problems.map(({ digest }) => digest)).toContain(late.digest);
  const { referrers, tags } = await hangingIn(promoted, world);
  expect(referrers).not.toContain(late.digest);
  expect(tags[tag]).toEqual(["c2ln", "b3RoZXI="]);
});

test.each([
  ["signatures", 5],
  ["attestations", 1],
  ["sboms", 1],
  ["others", 0],
] as const)("of kinds, %s alone travel", async (kind, count) => {
  world = await openTravelWorld("api", "api");
  const { report } = await world.run({ travel: [kind], confirm: false });
  // The signature of an SBOM that stays stays with it.
  expect(travelled(report)).toEqual(
    count === 0 ? {} : { pending: kind === "signatures" ? count - 1 : count },
  );
});

test("where a policy stands, what it accepts travels, and nothing else that hangs there", async () => {
  world = await openTravelWorld("api", "api");
  const { signature, sig } = world;
  const at = { file: "policy.yaml", line: 1, column: 1 };
  const verdict = { policy: "signed", at, mode: "require", outcome: "satisfied", why: "it is" } as const;
  const { attachments } = await world.trust().attachments(world.staged.name, world.image.root.digest);
  const accepted = attachments.flatMap(({ manifest: { digest }, readings: [first] }) =>
    first !== undefined && [signature.digest, sig.digest].includes(digest)
      ? [{ manifest: digest, layer: first.layer }]
      : [],
  );
  const trust = { ...world.trust(), applies: () => true, judge: async () => [{ ...verdict, accepted }] };
  const { report } = await world.run({ trust });
  // Under the tag, the layer alone that was accepted.
  expect(travelled(report)).toEqual({ done: 2 });
  const { referrers, tags } = await hangingIn(world.promoted, world);
  // Beside it, what is in the index goes with that.
  expect(referrers).toEqual([signature.digest, world.image.attestation.digest].sort());
  expect(tags[sig.tag]).toEqual(["c2ln"]);
  const none = { ...world.trust("accepted"), judge: async () => [] };
  expect(travelled((await world.run({ trust: none })).report)).toEqual({});
});

test("what stays behind is told with the reason, and is no work", async () => {
  world = await openTravelWorld("api", "api");
  const { staged, image, sbom, signature } = world;
  const told = ({ leftBehind = [] }: Report) => leftBehindInWords(leftBehind).map(({ message }) => message);
  const at = { file: "policy.yaml", line: 1, column: 1 };
  const tree = await world.trust().attachments(staged.name, image.root.digest);
  const accepted = tree.attachments.flatMap(({ manifest, layers }) =>
    manifest.digest === signature.digest ? layers.map((layer) => ({ manifest: manifest.digest, layer })) : [],
  );
  const verdict = { policy: "signed", at, mode: "require", outcome: "satisfied", why: "it is" } as const;
  // One for each run: it keeps what it has read.
  const trust = () => ({
    ...world.trust(),
    applies: () => true,
    judge: async () => [{ ...verdict, accepted }],
  });
  const { plan, report } = await world.run({ trust: trust(), confirm: false });
  // The SBOM, what is attached to a platform, and three layers under tags; the signature of the SBOM.
  expect(told(report)).toEqual([
    "5 attachments stay behind: no policy accepts them",
    "1 attachment stays behind: what it is about stays behind",
  ]);
  expect(report.leftBehind).toContainEqual({
    destinations: [world.promoted.name],
    ...{ image: image.root.digest, source: staged.name, project: "foo" },
    ...{ digest: sbom.digest, subject: image.root.digest },
    ...{ says: "SBOM of https://spdx.dev/Document, unsigned", reason: "not-accepted" },
  });
  expect(report.counts).toMatchObject({ pending: 2, withheld: 0 });
  expect(await readPlan(formatPlan(plan), "plan.json")).toEqual(plan);

  // Whoever attaches something that nobody accepts makes no other plan of it, and a saved one stays good.
  await refer(staged, image.root, bundle(image.root.digest, slsa));
  const later = await world.run({ trust: trust(), confirm: false });
  expect(told(later.report)).toContain("6 attachments stay behind: no policy accepts them");
  expect(later.plan.hash).toBe(plan.hash);
  const done = await world.run({ trust: trust(), saved: { plan, where: "plan.json" } });
  expect([done.report.asDesired, told(done.report)]).toEqual([true, told(later.report)]);
});

test("what a setting leaves behind is told in every plan, and a plan of nothing else has the hash of none", async () => {
  world = await openTravelWorld("api", "api");
  await world.run({ travel: "none" });
  const nothing = await world.run({ travel: "none", confirm: false });
  expect(nothing.report).not.toHaveProperty("leftBehind");
  const told = async (travel: TravelSetting) => {
    const { plan, report } = await world.run({ travel, confirm: false });
    expect([plan.hash, report.asDesired, report.work]).toEqual([nothing.plan.hash, true, []]);
    expect((await readPlan(formatPlan(plan), "plan.json")).hash).toBe(plan.hash);
    return leftBehindInWords(report.leftBehind ?? []).map(({ message }) => message);
  };
  expect(await told(["others"])).toEqual([
    "6 attachments stay behind: trust.travel leaves their kinds behind",
    "1 attachment stays behind: what it is about stays behind",
  ]);
  expect(await told("accepted")).toEqual(["7 attachments stay behind: no policy accepts them"]);
  // What is there already does not stay behind.
  await world.run({ travel: "all" });
  expect((await world.run({ travel: "accepted" })).report).not.toHaveProperty("leftBehind");
});

test("a policy that only warns takes nothing away from what travels", async () => {
  world = await openTravelWorld("api", "api");
  const { signature, sbom } = world;
  const at = { file: "policy.yaml", line: 1, column: 1 };
  const tree = await world.trust().attachments(world.staged.name, world.image.root.digest);
  const accepting = (digest: string) =>
    tree.attachments.flatMap(({ manifest, layers }) =>
      manifest.digest === digest ? layers.map((layer) => ({ manifest: manifest.digest, layer })) : [],
    );
  const warns = { policy: "warns", at, mode: "warn", outcome: "failed", why: "no", accepted: [] } as const;
  const runWith = async (verdicts: readonly PolicyVerdict[], travel?: TravelSetting) => {
    const trust = { ...world.trust(travel), applies: () => true, judge: async () => verdicts };
    return travelled((await world.run({ trust, confirm: false })).report);
  };
  expect(await runWith([])).toEqual({ pending: 7 });
  expect(await runWith([warns])).toEqual({ pending: 7 });
  expect(await runWith([{ ...warns, mode: "off" }])).toEqual({ pending: 7 });
  const accepts = { ...warns, outcome: "satisfied", accepted: accepting(sbom.digest) } as const;
  expect(await runWith([accepts])).toEqual({ pending: 7 });
  const requires = { ...accepts, mode: "require", accepted: accepting(signature.digest) } as const;
  expect(await runWith([requires, warns])).toEqual({ pending: 1 });
  // What a policy accepts is accepted, whatever its mode.
  expect(await runWith([requires, accepts])).toEqual({ pending: 2 });
  expect(await runWith([accepts], "accepted")).toEqual({ pending: 1 });
  expect(await runWith([], "accepted")).toEqual({});
});

/** Attaches more to a platform of the image than is looked at. */
async function flood({ staged, image }: typeof world): Promise<void> {
  await Promise.all(
    Array.from({ length: 80 }, (_, at) =>
      refer(staged, image.second, {
        artifactType: "application/x-flood",
        layers: [{ mediaType: "text/plain", bytes: Buffer.from(`${at}`) }],
      }),
    ),
  );
}

test("too much at the source is not none, and the image goes all the same", async () => {
  world = await openTravelWorld("api", "api");
  await flood(world);
  const { report } = await world.run();
  expect(travelled(report)).toEqual({ done: 7 + 64, unread: 1 });
  expect(report.problems[0]?.why).toContain("16 are not looked at");
  expect(report.counts.done).toBe(7 + 64 + 1);
});

test("what is too much hides nothing else that could not be read: the image waits, and the next run brings it", async () => {
  world = await openTravelWorld("api", "api");
  await flood(world);
  const { staged, promoted, image, sbom, ofSbom } = world;
  const failing = withOwn(staged, {
    referrers: async (subject) => {
      if (subject === sbom.digest) throw new Error("the registry is away");
      return staged.referrers(subject);
    },
  });
  const open = (name: Parameters<typeof world.registries.repository>[0]) =>
    name === staged.name ? failing : world.registries.repository(name);
  const { report } = await world.run({ open });
  expect(travelled(report)).toMatchObject({ unread: 2 });
  expect(report.problems.map(({ why }) => why)).toContain(
    "it waits for what travels with it, which is not there: the registry is away",
  );
  expect(await promoted.resolve(image.root.digest)).toBeUndefined();
  await world.run();
  expect(await promoted.resolve(image.root.digest)).toBeDefined();
  expect((await hangingIn(promoted, world)).referrers).toContain(ofSbom.digest);
});

test("staging that was cleaned takes nothing away from production", async () => {
  world = await openTravelWorld("api", "api");
  await world.run();
  const before = await hangingIn(world.promoted, world);
  await world.staged.delete(world.image.root.digest);
  const { report } = await world.run({ travel: "all" });
  expect(report.asDesired).toBe(true);
  expect(await hangingIn(world.promoted, world)).toEqual(before);
});

test("what is there says that what travels with it is there", async () => {
  world = await openTravelWorld("api", "api");
  const seen: string[] = [];
  await world.run({
    listener: (event) => {
      if (event.type === "edge-done") seen.push(event.kind);
    },
  });
  expect(seen).toEqual([...Array<string>(7).fill("referrers"), "images"]);
});

test("an image waits for what travels with it and could not be brought, and the next run brings both", async () => {
  world = await openTravelWorld("api", "api");
  const { promoted, image, sbom } = world;
  const refusing = withOwn(promoted, {
    put: async (document, tags) => {
      if (document.descriptor.digest === sbom.digest) throw new Error("the disk is full");
      return promoted.put(document, tags);
    },
  });
  const open = (name: Parameters<typeof world.registries.repository>[0]) =>
    name === promoted.name ? refusing : world.registries.repository(name);
  const { report } = await world.run({ open });
  expect(report.counts).toMatchObject({ done: 6, failed: 2 });
  expect(report.problems.map(({ why }) => why)).toContain(
    "it waits for what travels with it, which is not there: the disk is full",
  );
  expect(await promoted.resolve(image.root.digest)).toBeUndefined();
  expect((await world.run()).report.asDesired).toBe(true);
  expect(await hangingIn(promoted, world)).toEqual(await hangingIn(world.staged, world));
});
