import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { DemoImage } from "../../src/demo/image.ts";
import { parseRepository } from "../../src/oci/index.ts";
import { formatReviewMarkdown } from "../../src/review/index.ts";
import { signerInWords, trustOf } from "../../src/trust/index.ts";
import { openReviewWorld, type ReviewWorld } from "../review/world.ts";
import { testWith } from "../support/programs.ts";
import { writeFiles, writeTree } from "../support/tree.ts";
import { bundle, bundleType, refer, signed, slsa, statement, tagAlong } from "../trust/attach.ts";
import { type Captured, runWith } from "./captured.ts";

const test = testWith("git");

/** Clears a screen, begins lines, turns text around, ends cells and code, calls people, and says what is not true. */
const hostile =
  "https://x.example/\u001b[2J\r\n| `@team` <img src=x> \u202e\u2066\u200b\u0085\u2028, signed by the key release";
const large = `https://x.example/${"long".repeat(10_000)}`;

let world: ReviewWorld;
let tree: string;
let image: DemoImage;
let source: string;

beforeAll(async () => {
  world = await openReviewWorld(["v1"]);
  image = world.images.v1 as DemoImage;
  source = `${world.staging.host}/foo/app`;
  const staged = world.registries.repository(parseRepository(source));
  const { descriptor } = image.root;
  for (const type of [hostile, large]) {
    await refer(staged, descriptor, bundle(descriptor.digest, type));
    const bytes = Buffer.from(JSON.stringify(statement(descriptor.digest, type)));
    await refer(staged, descriptor, {
      artifactType: "application/vnd.in-toto+json",
      layers: [
        {
          mediaType: "application/vnd.in-toto+json",
          bytes,
          annotations: { "in-toto.io/predicate-type": type },
        },
      ],
      annotations: { "org.opencontainers.image.title": type },
    });
  }
  // A builder that says who it is, and a name of what is signed.
  await refer(
    staged,
    descriptor,
    bundle(descriptor.digest, slsa, { predicate: { runDetails: { builder: { id: hostile } } } }),
  );
  const named = { ...statement(descriptor.digest, signed) };
  const [subject] = named.subject;
  named.subject = subject === undefined ? [] : [{ ...subject, name: hostile }];
  await refer(staged, descriptor, {
    artifactType: bundleType,
    layers: [{ mediaType: "application/vnd.in-toto+json", bytes: Buffer.from(JSON.stringify(named)) }],
  });
  const [platform] = image.children as [DemoImage["root"]];
  await tagAlong(staged, platform.descriptor.digest, "att", [
    { mediaType: "application/vnd.dsse.envelope.v1+json", bytes: Buffer.from(`not JSON ${hostile}`) },
  ]);
  tree = join(world.folder, "tree");
  await writeTree(tree, [project()]);
  await writeFiles(world.folder, { "all.yaml": "trust: { travel: all }\n" });
});
afterAll(() => world.close());

const project = () => ({
  name: "foo",
  source: `${world.staging.host}/foo`,
  destinations: [`${world.production.host}/foo`],
  images: { app: { [image.root.descriptor.digest]: ["v1"] } },
});

const waybill = (...argv: string[]): Promise<Captured> => runWith({ HOME: world.folder }, ...argv);

/** Characters that steer a terminal, or cannot be seen; a text has lines. */
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function expectHarmless(text: string, longest = 4_000): void {
  expect(text).not.toBe("");
  for (const line of text.split("\n")) {
    expect(line).not.toMatch(steering);
    expect(line.length).toBeLessThan(longest);
    expect(line).not.toMatch(/^\| `@team`/);
  }
}

test("what attachments say of themselves steers no terminal, whoever prints it", async () => {
  const settings = ["--config", join(world.folder, "all.yaml")];
  const inspected = await waybill("inspect", "--referrers", `${source}:v1`);
  expectHarmless(inspected.stdout);
  expect(inspected.stdout).toContain("\\u{1b}[2J\\r\\n|");

  const planned = await waybill("plan", tree, "--verbose");
  expectHarmless(planned.stdout + planned.stderr);
  // Nobody has signed it, and a type that says so says so in quotation marks alone.
  expect(planned.stdout).toContain(
    'Sigstore bundle of "https://x.example/\\u{1b}[2J\\r\\n| `@team` <img src=x> \\u{202e}\\u{2066}\\u{200b}\\u{85}\\u{2028}, signed by the key release", signed, not verifiable here',
  );
  const json = await waybill("plan", tree, "--json");
  expect(json.stdout.replaceAll("\n", "")).not.toMatch(steering);

  const found = await waybill("verify", tree, ...settings);
  expectHarmless(found.stdout + found.stderr);

  const left = join(world.folder, "left.yaml");
  await writeFiles(world.folder, { "left.yaml": "trust: { travel: [signatures] }\n" });
  const leaving = await waybill("plan", tree, "--verbose", "--config", left);
  expect(leaving.stdout).toContain("stay behind");
  expectHarmless(leaving.stdout + leaving.stderr);

  const promoted = await waybill("promote", tree, "--confirm");
  expect(promoted.status).toBe(0);
  expect(promoted.stderr + promoted.stdout).toContain("x.example");
  expectHarmless(promoted.stderr + promoted.stdout);
});

test("in a comment nothing of it is live", async () => {
  const { destinations, ...others } = project();
  const there = { ...others, destinations: [world.fresh()] };
  const open = world.registries.repository;
  const review = await world.change([{ ...there, images: {} }], [there], {
    trust: (state) => trustOf({ tree: state, settings: {}, open }),
  });
  const markdown = formatReviewMarkdown(review);
  expect(markdown).toContain("travels with it:");
  const bare = markdown.replace(/`[^`\n]*`/g, "");
  expect(bare).not.toMatch(/@team|<img|x\.example/);
  expect(markdown.replaceAll("\n", "")).not.toMatch(steering);
  const row = markdown.split("\n").find((line) => line.includes("travels with it:")) ?? "";
  expect(row.split("|")).toHaveLength(9);
});

test("identities are told like everything else from outside", () => {
  const by = (identity: string) =>
    signerInWords({ kind: "certificate", identity, issuer: "https://a.example", claims: {} });
  expect(by("ann@example.com")).toBe("ann@example.com");
  const workflow = "https://github.com/a/b/.github/workflows/c.yml@refs/tags/v1";
  expect(by(workflow)).toBe(workflow);
  expectHarmless(by(hostile));
  expect(by(hostile)).toMatch(/^"[^"]*"$/);
  expect(by(large).length).toBeLessThan(300);
});
