import fc from "fast-check";
import { dump, FAILSAFE_SCHEMA, loadAll } from "js-yaml";
import { expect, test } from "vitest";
import { parseYaml, type YamlNode, YamlSyntaxError } from "../../src/yaml/index.ts";
import { nodesOf, plainValue } from "./shape.ts";

/** Text out of the pieces YAML is made of: far more of it is YAML than of random text. */
const yamlLike = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      "1.10",
      "\n",
      "\n",
      "\n  ",
      "\n    ",
      "- ",
      "-",
      ": ",
      ":",
      "? ",
      "?",
      ":,x",
      "[",
      "]",
      "{",
      "}",
      ", ",
      " ",
      '"x"',
      "'y'",
      '"',
      "'",
      "# c",
      " # c",
      "&r ",
      "*r",
      "<<: ",
      "|\n",
      ">-\n",
      "!!str ",
      "~",
      "null",
      "---\n",
      "...\n",
      "\r\n",
      "\t",
      "\uFEFF",
      "é",
      "\u{1F600}",
      "\\n",
    ),
    { maxLength: 30 },
  )
  .map((pieces) => pieces.join(""));

function parsed(text: string) {
  try {
    return parseYaml(text);
  } catch (error) {
    if (error instanceof YamlSyntaxError) return error;
    throw error;
  }
}

test("any text is YAML or a syntax error with a place within the text", () => {
  fc.assert(
    fc.property(fc.oneof(yamlLike, fc.string({ unit: "binary" })), (text) => {
      const result = parsed(text);
      if (!(result instanceof YamlSyntaxError)) return;
      expect(result.offset).toBeGreaterThanOrEqual(0);
      expect(result.offset).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 5000 },
  );
});

test("every node lies within the text, and children lie within parents and in order", () => {
  fc.assert(
    fc.property(yamlLike, (text) => {
      const result = parsed(text);
      if (result instanceof YamlSyntaxError || result.root === undefined || text.includes("*r")) return;
      for (const node of nodesOf(result.root)) {
        expect(node.start).toBeLessThanOrEqual(node.end);
        expect(node.end).toBeLessThanOrEqual(text.length);
        let before = node.start;
        for (const child of childrenOf(node)) {
          expect(child.start).toBeGreaterThanOrEqual(before);
          expect(child.end).toBeLessThanOrEqual(node.end);
          before = child.end;
        }
      }
    }),
    { numRuns: 5000 },
  );
});

function childrenOf(node: YamlNode): readonly YamlNode[] {
  if (node.kind === "scalar") return [];
  if (node.kind === "sequence") return node.items;
  return node.entries.flatMap(({ key, value }) => [key, value]);
}

test("a flow collection or a quoted text, cut out of its text and parsed alone, is the same", () => {
  fc.assert(
    fc.property(yamlLike, (text) => {
      const result = parsed(text);
      if (result instanceof YamlSyntaxError || result.root === undefined || text.includes("*r")) return;
      for (const node of nodesOf(result.root)) {
        const isFlow = node.kind !== "scalar" && node.flow && "[{".includes(text[node.start] ?? "");
        const isQuoted = node.kind === "scalar" && (node.style === "single" || node.style === "double");
        if (!isFlow && !isQuoted) continue;
        const again = parsed(text.slice(node.start, node.end));
        expect(again instanceof YamlSyntaxError ? again.message : plainValue(again.root)).toEqual(
          plainValue(node),
        );
      }
    }),
    { numRuns: 5000 },
  );
});

const data = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(fc.string(), fc.constantFrom("1.10", "yes", "null", "2020-01-01", "~", "latest", "- x", "a: b")),
    fc.array(tie("value"), { maxLength: 4 }),
    // A bare << is a merge key: js-yaml writes it without quotes where its schema knows no merges.
    fc.dictionary(
      fc.string({ maxLength: 8 }).filter((key) => key !== "<<"),
      tie("value"),
      { maxKeys: 4 },
    ),
  ),
})).value;

test("what js-yaml dumps is read back, in both styles", () => {
  fc.assert(
    fc.property(data, fc.constantFrom(-1, 0, 1, 2), fc.boolean(), (value, flowLevel, forceQuotes) => {
      const text = dump([value], { schema: FAILSAFE_SCHEMA, flowLevel, forceQuotes, lineWidth: 20 });
      const { root } = parseYaml(text);
      expect(plainValue(root)).toEqual([withPairs(value)]);
    }),
    { numRuns: 2000 },
  );
});

function withPairs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPairs);
  if (typeof value !== "object" || value === null) return value;
  return { pairs: Object.entries(value).map(([key, item]) => [key, withPairs(item)]) };
}

test("documents are counted as js-yaml counts them", () => {
  fc.assert(
    fc.property(yamlLike, (text) => {
      const result = parsed(text);
      if (result instanceof YamlSyntaxError) return;
      let count: number;
      try {
        count = loadAll(text, { schema: FAILSAFE_SCHEMA }).length;
      } catch {
        return;
      }
      expect(result.secondDocument !== undefined).toBe(count > 1);
    }),
    { numRuns: 3000 },
  );
});
