import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { openLogLines } from "../../store/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { runIdSchema } from "../schemas.ts";

const tags = ["runs"];
const params = z.object({ id: runIdSchema });
const lineNumber = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const lineSchema = z
  .object({
    number: z.int().openapi({ description: "From 1 on." }),
    text: z.string(),
    cut: z.int().openapi({ description: "Bytes of the line that are left out here." }),
  })
  .openapi("LogLine");

const linesSchema = z
  .object({
    lines: z.array(lineSchema),
    total: z.int().openapi({ description: "Lines that the log has by now." }),
    size: z.int().openapi({ description: "Bytes of those: the `from` of a stream of the rest." }),
  })
  .openapi("LogLines");

/** Lines of a log as the API has them. */
export type LogLinesDocument = z.infer<typeof linesSchema>;

const linesRoute = createRoute({
  method: "get",
  path: "/runs/{id}/log/lines",
  tags,
  summary: "Lines of the log of a run, as far as it is written",
  request: {
    params,
    query: z.object({
      first: lineNumber.optional().openapi({ description: "The last ones without it." }),
      count: z.coerce.number().int().min(1).max(5000).default(1000),
    }),
  },
  responses: { 200: json(linesSchema, "The lines."), ...failures },
});

const matchesSchema = z
  .object({
    lines: z.array(lineSchema),
    next: z.int().optional().openapi({ description: "What `first` is to go on." }),
  })
  .openapi("LogMatches");

/** Lines of a log in which a text stands, as the API has them. */
export type LogMatchesDocument = z.infer<typeof matchesSchema>;

const findRoute = createRoute({
  method: "get",
  path: "/runs/{id}/log/matches",
  tags,
  summary: "Lines of the log of a run in which a text stands, in whichever case",
  request: { params, query: z.object({ text: z.string().min(1).max(500), first: lineNumber.default(1) }) },
  responses: { 200: json(matchesSchema, "The first of them."), ...failures },
});

/** The routes of a log by its lines. */
export function addLogLines(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const logs = openLogLines();

  api.openapi(linesRoute, async (c) => {
    demand(c, parts, "read");
    const { first, count } = c.req.valid("query");
    const stored = await parts.runs.find(c.req.valid("param").id);
    const { lines, total, size } = await logs.read(stored, first === undefined ? "last" : { first }, count);
    return c.json({ lines: [...lines], total, size }, 200);
  });

  api.openapi(findRoute, async (c) => {
    demand(c, parts, "read");
    const { text, first } = c.req.valid("query");
    const stored = await parts.runs.find(c.req.valid("param").id);
    const { lines, next } = await logs.find(stored, text, first);
    return c.json({ lines: [...lines], next }, 200);
  });
}
