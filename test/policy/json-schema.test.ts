import { expect, test } from "vitest";
import { policyJsonSchema } from "../../src/policy/index.ts";
import { textOf } from "../docs/pages.ts";
import { expectKept, keysOf } from "../support/editor-schema.ts";

test("policy.schema.json is the schema of this version (UPDATE_SCHEMA=1 writes it)", () =>
  expectKept("policy.schema.json", policyJsonSchema()));

test("every key of the schema has its word in docs/policies.md", () => {
  const text = textOf("docs/policies.md");
  const missing = keysOf(policyJsonSchema()).filter((key) => !text.includes(`\`${key}\``));
  expect(missing).toEqual([]);
});
