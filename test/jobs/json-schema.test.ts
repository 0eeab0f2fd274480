import { expect, test } from "vitest";
import { jobsJsonSchema } from "../../src/jobs/json-schema.ts";
import { textOf } from "../docs/pages.ts";
import { expectKept, keysOf } from "../support/editor-schema.ts";

test("jobs.schema.json is the schema of this version (UPDATE_SCHEMA=1 writes it)", () =>
  expectKept("jobs.schema.json", jobsJsonSchema()));

test("every key of the schema has its word in docs/jobs.md", () => {
  const text = textOf("docs/jobs.md");
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
