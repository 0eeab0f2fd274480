import type { z } from "@hono/zod-openapi";
import { problemSchema } from "./problems.ts";

/** What every route may answer with beside what it is for. */
export const failures = {
  default: {
    description: "It was not done.",
    content: { "application/problem+json": { schema: problemSchema } },
  },
} as const;

/** The answer of a route that gives JSON. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } } as const;
}

/** The body of a request that is JSON. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { "application/json": { schema } }, required: true } as const;
}
