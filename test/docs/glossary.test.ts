import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { verdictTable } from "../../src/promotion/verdicts.ts";
import { root, textOf } from "./pages.ts";

const page = textOf("docs/glossary.md");

/** Exported interfaces, types and classes of `src`, and the files that declare one of that name. */
const declared = new Map<string, string[]>();
for (const path of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
  if (!/\.tsx?$/.test(path)) continue;
  const text = readFileSync(join(root, "src", path), "utf8");
  for (const [, name = ""] of text.matchAll(/^export (?:abstract )?(?:interface|type|class) (\w+)/gm)) {
    declared.set(name, [...(declared.get(name) ?? []), path]);
  }
}

it("names types that are there", () => {
  const named = Array.from(page.matchAll(/\| `([A-Z]\w+)` /g), ([, name = ""]) => name);
  expect(named.length).toBeGreaterThan(25);
  expect(named.filter((name) => !declared.has(name))).toEqual([]);
});

it("has a row for each verdict but those that stand for work", () => {
  const words = Array.from(page.matchAll(/^\| `(\w+)`/gm), ([, word = ""]) => word);
  const verdicts = verdictTable.filter(({ effect }) => effect !== "work").map(({ verdict }) => verdict);
  expect(verdicts.filter((verdict) => !words.includes(verdict))).toEqual([]);
});

it("can give each exported type one meaning, because none has another's name", () => {
  expect([...declared].filter(([, paths]) => paths.length > 1)).toEqual([]);
});
