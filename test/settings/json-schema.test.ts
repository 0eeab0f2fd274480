import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { settingsJsonSchema } from "../../src/settings/schema.ts";

const file = fileURLToPath(new URL("../../waybill.schema.json", import.meta.url));
const docs = fileURLToPath(new URL("../../docs/configuration.md", import.meta.url));

/** Every key that the schema knows, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]) =>
    name === "properties" && typeof value === "object" && value !== null
      ? [...Object.keys(value), ...Object.values(value).flatMap(keysOf)]
      : keysOf(value),
  );
}

test("waybill.schema.json is the schema of this version (UPDATE_SCHEMA=1 writes it)", async () => {
  if (process.env.UPDATE_SCHEMA === "1") {
    await writeFile(file, `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`);
  }
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(settingsJsonSchema())));
});

test("every key of the schema has its word in docs/configuration.md", async () => {
  const text = await readFile(docs, "utf8");
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
