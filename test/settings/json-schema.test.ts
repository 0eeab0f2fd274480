import { expect, test } from "vitest";
import { settingsJsonSchema } from "../../src/settings/schema.ts";
import { textOf } from "../docs/pages.ts";
import { expectKept, keysOf } from "../support/editor-schema.ts";

test("waybill.schema.json is the schema of this version (UPDATE_SCHEMA=1 writes it)", () =>
  expectKept("waybill.schema.json", settingsJsonSchema()));

test("every key of the schema has its word in docs/configuration.md", () => {
  const text = textOf("docs/configuration.md");
  const missing = keysOf(settingsJsonSchema()).filter((key) => !text.includes(`\`${key}\``));
  expect(missing).toEqual([]);
});

test("numbers, flags and sizes are what editors take YAML's for", () => {
  expect(settingsJsonSchema()).toMatchObject({
    additionalProperties: false,
    properties: {
      hosts: {
        additionalProperties: {
          properties: {
            http: { type: "boolean" },
            concurrency: { type: "integer" },
            chunkSize: { type: ["string", "integer"] },
          },
        },
      },
    },
  });
});
