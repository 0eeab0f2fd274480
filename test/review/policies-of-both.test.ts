import { generateKeyPairSync } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { type Review, reviewChange } from "../../src/review/index.ts";
import { trustOf } from "../../src/trust/index.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { writeFiles, writeTree } from "../support/tree.ts";
import { codes, digest, openReviewWorld, type ReviewWorld } from "./world.ts";

const test = testWith("git");

let world: ReviewWorld;

beforeAll(async () => {
  world = await openReviewWorld(["v1.0.0", "v1.1.0"]);
});

afterAll(() => world.close());

const { publicKey } = generateKeyPairSync("ed25519");
const pem = publicKey.export({ format: "pem", type: "spki" }).toString();

const policy = (mode: string, more = ""): string => `
signers:
  release:
    key: |
${pem.replaceAll(/^/gm, "      ").trimEnd()}
rules:
  - name: signed
    mode: ${mode}
    signature: { by: [release] }
${more}`;

const clean = `
signers:
  release:
    key: |
${pem.replaceAll(/^/gm, "      ").trimEnd()}
rules:
  - name: clean
    mode: warn
    vulnerabilities: { below: critical, by: [release], vex: [vex] }
`;

let count = 0;

/** Reviews a change that adds an image nobody has signed, with these files beside the manifests before and after it. */
async function reviewed(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  /** The policy file that the settings name, from the repository. */
  named?: string,
): Promise<Review> {
  const repository = await createRepository(join(world.folder, `policies-${++count}`));
  const tree = join(repository.path, "tree");
  const place = world.fresh();
  const listed = [
    { [digest(world.images["v1.0.0"])]: ["v1.0.0"] },
    { [digest(world.images["v1.1.0"])]: ["v1.1.0"] },
  ];
  const states = [
    { files: before, images: listed[0] ?? {} },
    { files: after, images: { ...listed[0], ...listed[1] } },
  ];
  const commits: string[] = [];
  for (const { files, images } of states) {
    await rm(tree, { recursive: true, force: true });
    const source = `${world.staging.host}/foo`;
    await writeTree(tree, [{ name: "foo", source, destinations: [place], images: { app: images } }]);
    await writeFiles(tree, files);
    commits.push(await repository.commit());
  }
  const [base = "", head = ""] = commits;
  const open = world.registries.repository;
  const policyFile = named === undefined ? undefined : join(repository.path, named);
  const trust = (state: Parameters<typeof trustOf>[0]["tree"]) =>
    trustOf({ tree: state, settings: policyFile === undefined ? {} : { policy: policyFile }, open });
  return reviewChange({ path: tree, base, head, open, trust, policyFile, environment: gitEnvironment });
}

test("a change does not loosen the policy by which it is judged", async () => {
  const exception = `exceptions:
  - rules: [signed]
    digests: ["${digest(world.images["v1.1.0"])}"]
    until: 2999-12-31
    reason: by hand
    by: ann@example.com
`;
  const strict = { "policy.yaml": policy("require") };
  const loosened = [
    { "policy.yaml": policy("warn") },
    { "policy.yaml": policy("require", exception) },
    { "policy.yaml": "rules: []\n" },
    {},
  ];
  for (const files of loosened) {
    const review = await reviewed(strict, files);
    expect(codes(review).fails, JSON.stringify(files)).toEqual(["policy-missing"]);
    expect(codes(review).mentions).toContain("policy-changed");
    const [found] = review.findings;
    expect(found?.message).toContain("as the base has it");
  }
  // What was loose before the change is as loose for it, and nothing is said twice.
  const same = await reviewed({ "policy.yaml": policy("warn") }, { "policy.yaml": policy("warn") });
  expect(codes(same)).toEqual({ fails: [], mentions: ["policy-warning"] });
  const stricter = await reviewed({ "policy.yaml": policy("warn") }, strict);
  expect(codes(stricter).fails).toEqual(["policy-missing"]);
});

test("policies that the settings name are judged as those beside, where they are of the repository", async () => {
  const named = { "rules/all.yaml": policy("require") };
  const loosened = { "rules/all.yaml": policy("warn") };
  for (const after of [loosened, {}]) {
    const review = await reviewed(named, after, "tree/rules/all.yaml");
    const told = review.findings.find(({ code }) => code === "policy-changed");
    expect(told?.message).toContain("the policies that the settings name");
    expect(told?.file).toMatch(/rules\/all\.yaml$/);
    const refused = review.findings.filter(({ code }) => code === "policy-missing");
    expect(refused.map(({ message }) => message).join()).toContain("as the base has it");
  }
  // What it names counts as it does; what the change brings itself holds for the change.
  const vex = { "rules/all.yaml": clean, "rules/vex/a.json": "{}" };
  const other = await reviewed(vex, { ...vex, "rules/vex/a.json": '{"other":1}' }, "tree/rules/all.yaml");
  expect(codes(other).mentions).toContain("policy-changed");
  const same = await reviewed(named, named, "tree/rules/all.yaml");
  expect(codes(same)).toEqual({ fails: ["policy-missing"], mentions: [] });
  const added = await reviewed({}, named, "tree/rules/all.yaml");
  expect(codes(added)).toEqual({ fails: ["policy-missing"], mentions: ["policy-changed"] });
  // One that is elsewhere is its operator's: it holds for both, and a change cannot change it.
  await writeFiles(world.folder, { "operators.yaml": policy("require") });
  const elsewhere = await reviewed({}, {}, "../operators.yaml");
  expect(codes(elsewhere)).toEqual({ fails: ["policy-missing"], mentions: [] });
});

test("a file that policies take the word of is as good as they are: another one is told", async () => {
  const before = { "policy.yaml": clean, "vex/a.json": "{}" };
  const changed = await reviewed(before, { ...before, "vex/a.json": '{"other":1}' });
  const told = changed.findings.filter(({ code }) => code === "policy-changed");
  expect(told).toMatchObject([{ severity: "mentions", file: expect.stringMatching(/vex\/a\.json$/) }]);
  const added = await reviewed(before, { ...before, "vex/b.json": "{}" });
  expect(codes(added).mentions).toContain("policy-changed");
  const gone = await reviewed({ ...before, "vex/b.json": "{}" }, before);
  expect(gone.findings.find(({ code }) => code === "policy-changed")).toMatchObject({ gone: true });
  const same = await reviewed(before, before);
  expect(codes(same).mentions).not.toContain("policy-changed");
});
