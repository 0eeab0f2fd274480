import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { printReport } from "../../src/cli/report.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import type { Diagnostic } from "../../src/diagnostics/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import {
  causesOf,
  formatJUnit,
  isAboutImage,
  type Outcome,
  type PlannedEdge,
  type Report,
  reportPromotion,
} from "../../src/promotion/index.ts";
import { allKinds } from "../../src/promotion/kinds.ts";
import { sealPlan } from "../../src/promotion/plan.ts";

import { testWith } from "../support/programs.ts";
import { digestFor, kinds, sectionOf } from "./world.ts";

/** What XML has names for, what it cannot hold, and what it can. */
const textWith = (unspeakable: string): string => `<&>"' ]]> ${unspeakable}\n\t é 😀`;
const nasty = textWith("\u0000\u001b\ud800\ufffe");
const destination = parseRepository("prod.example.com/foo/app");
const edge = (tag: string, rest: Omit<PlannedEdge, "tag" | "at">): PlannedEdge => ({
  tag: parseTag(tag),
  at: { file: `images/f"o<o>/images.yaml`, line: tag.length, column: 5 },
  ...rest,
});

const edges: readonly PlannedEdge[] = [
  edge("bb", { verdict: "copy", reason: "digest-absent" }),
  edge("ccc", { verdict: "tag", reason: "tag-absent" }),
  edge("dddd", { verdict: "conflict", reason: "tag-at-other-digest", current: digestFor("other") }),
  edge("eeeee", {
    verdict: "unread",
    reason: "source-unread",
    failure: { code: "denied", message: nasty, where: "stage.example.com" },
  }),
  { tag: null, at: { file: "images.yaml", line: 9, column: 5 }, verdict: "lost", reason: "not-in-staging" },
];
const image = {
  digest: digestFor("one"),
  project: nasty,
  source: parseRepository("stage.example.com/foo/app"),
  edges,
};
const plan = sealPlan(
  kinds,
  [sectionOf([{ destination, empty: false, images: [image] }], 1)],
  digestFor("edges"),
);
const diagnostics: Diagnostic[] = [
  {
    severity: "error",
    code: "invalid-digest",
    file: "images.yaml",
    at: { line: 3, column: 5 },
    message: nasty,
  },
  { severity: "warning", code: "odd", file: "images.yaml", message: "only a warning" },
];

const outcome = (index: number, failure?: Outcome["failure"]): Outcome => {
  const found = edges[index] ?? expect.fail("no such edge");
  const of = { destination, image, edge: found };
  return { kind: "images", of, ...(failure === undefined ? {} : { failure }) };
};

describe("the report", () => {
  test("of a dry run counts work as desired, but not problems", () => {
    const report = reportPromotion(plan, diagnostics);
    expect(report.counts).toMatchObject({ pending: 2, present: 1, conflict: 1, unread: 1, lost: 1 });
    expect(report.work.filter(isAboutImage).map(({ tag, action }) => [tag, action])).toEqual([
      ["bb", "copy"],
      ["ccc", "tag"],
    ]);
    expect(report).toMatchObject({ dryRun: true, asDesired: false });
    expect(report.manifestErrors).toHaveLength(1);
  });

  test("of a real run counts what was never begun as a problem", () => {
    const failed = { code: "denied", message: "no", where: "prod.example.com/foo/app" };
    const report = reportPromotion(plan, [], [outcome(0, failed)]);
    expect(report.counts).toMatchObject({ failed: 1, pending: 1, done: 0 });
    expect(report.problems.map(({ state, why }) => [state, why])).toMatchObject([
      ["failed", "prod.example.com/foo/app: no"],
      ["pending", undefined],
      ["conflict", expect.stringContaining(digestFor("other"))],
      ["unread", expect.stringContaining("staging could not be read: stage.example.com: ")],
      ["lost", expect.stringContaining("stage.example.com/foo/app")],
    ]);
  });

  test("is as desired when all is there and no line is wrong", () => {
    const fine = sealPlan(
      kinds,
      [sectionOf([{ destination, empty: false, images: [{ ...image, edges: edges.slice(0, 1) }] }], 1)],
      digestFor("edges"),
    );
    expect(reportPromotion(fine, [], [outcome(0)])).toMatchObject({ asDesired: true, counts: { done: 1 } });
    expect(reportPromotion(fine, diagnostics, [outcome(0)]).asDesired).toBe(false);
  });
});

const parsed = `
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
print(json.dumps([
  [suite.get("name"), suite.get("tests"), suite.get("failures"),
    [[case.get("name"), case.get("file"), case.get("line"),
      None if case.find("failure") is None else [case.find("failure").get("type"), case.find("failure").get("message")]]
     for case in suite]]
  for suite in root] + [[root.get("tests"), root.get("failures")]]))
`;

async function parse(xml: string): Promise<unknown> {
  const running = promisify(execFile)("python3", ["-c", parsed]);
  running.child.stdin?.end(xml);
  return JSON.parse((await running).stdout);
}

test("says where an edge is asked for, as text and as data", () => {
  const { source, digest } = image;
  const place = { file: 'images/f"o<o>/images.yaml', line: 2, column: 5 };
  expect(JSON.parse(JSON.stringify(reportPromotion(plan, diagnostics).work[0]))).toEqual({
    ...{ kind: "images", destination, tag: "bb", digest, source, project: nasty },
    ...{ at: 'images/f"o<o>/images.yaml:2:5', place, state: "pending", action: "copy" },
  });
});

test("is the same in all its forms once it was read back from JSON", async () => {
  for (const outcomes of [undefined, [outcome(0)], [outcome(0, { code: "denied", message: nasty })]]) {
    const report = reportPromotion(plan, diagnostics, outcomes);
    const readBack: Report = JSON.parse(JSON.stringify(report));
    expect(formatJUnit(readBack)).toBe(formatJUnit(report));
    expect(causesOf(readBack.problems, true)).toEqual(causesOf(report.problems, true));
    expect(await printed(readBack)).toBe(await printed(report));
  }
});

test("says in a line for each reason how much stays behind, and names it on demand", async () => {
  const companion = { subject: digestFor("0"), says: "SBOM\u001b[1m, unsigned" };
  const destinations = [destination, parseRepository("eu.example.com/foo/app")];
  const item = { destinations, image: digestFor("0"), project: "foo", companions: [] };
  const left = [
    { ...companion, digest: digestFor("1"), reason: "not-accepted" },
    {
      ...companion,
      digest: digestFor("2"),
      tag: "sha256-0.sbom",
      layer: digestFor("3"),
      reason: "not-accepted",
    },
    { ...companion, digest: digestFor("4"), reason: "subject-left" },
  ];
  const items = [{ ...item, source: "staging.example.com/foo/app", left }];
  const report = reportPromotion(
    sealPlan(allKinds, [{ kind: "referrers", present: 0, items }], digestFor("e")),
    [],
  );
  expect(report.asDesired).toBe(true);
  const lines = [
    "2 attachments stay behind: no policy accepts them",
    "1 attachment stays behind: what it is about stays behind",
  ];
  expect(await printed(report)).toBe([...lines, "", "nothing is asked for", ""].join("\n"));
  const named = await printed(report, true);
  expect(named).toContain(`    staging.example.com/foo/app:sha256-0.sbom@${digestFor("2")} (SBOM`);
  expect(named).not.toContain("\u001b");
});

async function printed(report: Report, verbose = false): Promise<string> {
  const parts: (string | Uint8Array)[] = [];
  const stdout = { write: (part: string | Uint8Array) => parts.push(part) };
  await printReport(
    createTerminal({ stdout, stderr: { write: () => true }, env: {} }, { color: false, verbose }),
    report,
    [],
  );
  return parts.join("");
}

describe("the report as JUnit", () => {
  const shown = textWith("\ufffd".repeat(4)).replace("\t", " ");

  testWith("python3")("is what an XML parser makes the same of, whatever a registry says", async () => {
    const report = reportPromotion(plan, diagnostics, [outcome(0)]);
    const name = `${destination}:`;
    expect(await parse(formatJUnit(report))).toEqual([
      [
        shown,
        "5",
        "4",
        [
          [`${name}bb`, 'images/f"o<o>/images.yaml', "2", null],
          [`${name}ccc`, 'images/f"o<o>/images.yaml', "3", ["pending", "not begun"]],
          [
            `${name}dddd`,
            'images/f"o<o>/images.yaml',
            "4",
            ["conflict", expect.stringContaining(digestFor("other"))],
          ],
          [`${name}eeeee`, 'images/f"o<o>/images.yaml', "5", ["unread", expect.stringContaining(shown)]],
          [`${destination}@${image.digest}`, "images.yaml", "9", ["lost", expect.any(String)]],
        ],
      ],
      ["manifests", "1", "1", [["images.yaml:3:5", null, null, ["invalid-digest", shown]]]],
      ["6", "5"],
    ]);
  });

  testWith("python3")("of nothing is a document, too", async () => {
    const empty = reportPromotion(sealPlan(kinds, [], digestFor("edges")), [], []);
    expect(await parse(formatJUnit(empty))).toEqual([["0", "0"]]);
  });
});
