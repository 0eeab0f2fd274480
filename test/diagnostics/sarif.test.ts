import { describe, expect, test } from "vitest";
import { type Diagnostic, toSarif } from "../../src/diagnostics/index.ts";
import { diagnosticCodes } from "../../src/manifest/index.ts";

const overlap: Diagnostic = {
  code: "overlap",
  severity: "error",
  message: "overlapping edges detected",
  hint: "keep one",
  file: "tree/images/a b/images.yaml",
  at: { line: 3, column: 5 },
  related: [{ file: "tree/images/c/images.yaml", at: { line: 9, column: 1 }, message: "here too" }],
};

function resultOf(diagnostic: Diagnostic, root = process.cwd()) {
  const result = toSarif([diagnostic], diagnosticCodes, root).runs[0]?.results[0];
  if (result === undefined) throw new Error("no result");
  return result;
}

describe("the log", () => {
  const log = toSarif([], diagnosticCodes);

  test("names its version, its tool and how columns are counted", () => {
    expect(log.version).toBe("2.1.0");
    expect(log.runs[0]?.tool.driver.name).toBe("waybill");
    expect(log.runs[0]?.columnKind).toBe("utf16CodeUnits");
  });

  test("has a rule for every code, with its level", () => {
    const rules = log.runs[0]?.tool.driver.rules ?? [];
    expect(rules.map(({ id }) => id)).toEqual(Object.keys(diagnosticCodes));
    expect(rules.find(({ id }) => id === "no-destinations")).toEqual({
      id: "no-destinations",
      shortDescription: { text: diagnosticCodes["no-destinations"].summary },
      defaultConfiguration: { level: "note" },
    });
  });
});

describe("a result", () => {
  test("has its rule, level, message with hint, and places relative to the root", () => {
    expect(resultOf(overlap)).toEqual({
      ruleId: "overlap",
      ruleIndex: Object.keys(diagnosticCodes).indexOf("overlap"),
      level: "error",
      message: { text: "overlapping edges detected. Hint: keep one." },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: "tree/images/a%20b/images.yaml", uriBaseId: "%SRCROOT%" },
            region: { startLine: 3, startColumn: 5 },
          },
        },
      ],
      relatedLocations: [
        {
          id: 0,
          message: { text: "here too" },
          physicalLocation: {
            artifactLocation: { uri: "tree/images/c/images.yaml", uriBaseId: "%SRCROOT%" },
            region: { startLine: 9, startColumn: 1 },
          },
        },
      ],
    });
  });

  test("about a whole file has no region", () => {
    const { at: _, related: __, ...whole } = overlap;
    expect(resultOf(whole).locations[0]?.physicalLocation).toEqual({
      artifactLocation: { uri: "tree/images/a%20b/images.yaml", uriBaseId: "%SRCROOT%" },
    });
  });

  test.each([
    ["/repo/tree/images.yaml", "/repo", { uri: "tree/images.yaml", uriBaseId: "%SRCROOT%" }],
    ["/repo/..x/images.yaml", "/repo/", { uri: "..x/images.yaml", uriBaseId: "%SRCROOT%" }],
    ["/repo", "/repo", { uri: ".", uriBaseId: "%SRCROOT%" }],
    ["/other/a b.yaml", "/repo", { uri: "file:///other/a%20b.yaml" }],
    ["/images.yaml", "/repo", { uri: "file:///images.yaml" }],
  ])("%s seen from %s", (file, root, location) => {
    expect(resultOf({ ...overlap, file }, root).locations[0]?.physicalLocation.artifactLocation).toEqual(
      location,
    );
  });

  test("text from a manifest does not become a link", () => {
    const message = 'invalid tag: [click](https://evil.example), write ["a", "b"]';
    expect(resultOf({ ...overlap, message }).message.text).toContain(
      'invalid tag: \\[click](https://evil.example), write ["a", "b"]',
    );
  });
});
