import { jobShape } from "./job-shape.ts";

/** The JSON Schema of a job file for editors: what `jobs.schema.json` of the package holds. */
export function jobsJsonSchema(): object {
  const job = { $ref: "#/$defs/job" };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A job file of Waybill",
    description: "One job, or jobs and a list of them.",
    anyOf: [
      job,
      {
        type: "object",
        properties: { jobs: { type: "array", items: job } },
        required: ["jobs"],
        additionalProperties: false,
      },
    ],
    $defs: { job: jobShape.editor },
  };
}
