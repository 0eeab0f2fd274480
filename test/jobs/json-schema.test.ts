import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { jobsJsonSchema } from "../../src/jobs/json-schema.ts";

const file = fileURLToPath(new URL("../../jobs.schema.json", import.meta.url));
const docs = fileURLToPath(new URL("../../docs/jobs.md", import.meta.url));

/** Every key that the schema knows, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]) =>
    name === "properties" && typeof value === "object" && value !== null
      ? [...Object.keys(value), ...Object.values(value).flatMap(keysOf)]
      : keysOf(value),
  );
}

test("jobs.schema.json is the schema of this version (UPDATE_SCHEMA=1 writes it)", async () => {
  if (process.env.UPDATE_SCHEMA === "1") {
    await writeFile(file, `${JSON.stringify(jobsJsonSchema(), null, 2)}\n`);
  }
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(jobsJsonSchema())));
});

test("every key of the schema has its word in docs/jobs.md", async () => {
  const text = await readFile(docs, "utf8");
  const missing = keysOf(jobsJsonSchema()).filter((key) => !new RegExp(`[\`.]${key}\``).test(text));
  expect(missing).toEqual([]);
});

test("editors take what is written for what it is: one kind, durations, lists of one", () => {
  expect(jobsJsonSchema()).toMatchObject({
    $defs: {
      job: {
        additionalProperties: false,
        oneOf: [{ required: ["build"] }, {}, {}, {}, {}, {}],
        properties: {
          timeout: { type: "string" },
          priority: { type: "integer", minimum: -1000 },
          after: { anyOf: [{ type: "string" }, { type: "array" }] },
          clock: { properties: { cron: {}, zone: {} } },
        },
      },
    },
  });
});
