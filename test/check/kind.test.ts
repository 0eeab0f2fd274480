import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { kindOf } from "../../src/check/kind.ts";

async function sectionsOf(schema: string): Promise<readonly string[]> {
  const text = await readFile(new URL(`../../${schema}`, import.meta.url), "utf8");
  return Object.keys((JSON.parse(text) as { readonly properties: object }).properties);
}

describe("a file of any name", () => {
  test.each([
    ["settings", "waybill.schema.json"],
    ["policy", "policy.schema.json"],
  ] as const)("is known as %s by each section that these have", async (kind, schema) => {
    const sections = await sectionsOf(schema);
    expect(sections.length).toBeGreaterThan(2);
    for (const section of sections)
      expect([section, kindOf("any.yaml", `${section}: {}\n`)]).toEqual([section, kind]);
  });

  test("is taken for a manifest when it says nothing", () => {
    expect(kindOf("any.yaml", "")).toBe("manifests");
  });
});
