import { type OpenAPIHono, z } from "@hono/zod-openapi";
import {
  isLogExpression,
  type LineRange,
  type LoggedRun,
  type LogLine,
  type LogLines,
  openLogLines,
} from "../../store/index.ts";
import { demand } from "../acts.ts";
import type { Asking, Env } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { answerInvalid } from "../problems.ts";
import { failures, json } from "../responses.ts";
import { runIdSchema } from "../schemas.ts";

const maxLines = 5_000;
const maxRanges = 200;
const lineNumber = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const lineSchema = z
  .object({
    number: z.int().openapi({ description: "From 1 on." }),
    text: z.string(),
    cut: z.int().openapi({ description: "Bytes of the line that are left out here." }),
    at: z.iso.datetime().optional().openapi({ description: "When its beginning was written." }),
  })
  .openapi("LogLine");

const extent = {
  total: z.int().openapi({ description: "Lines that the log has by now." }),
  size: z.int().openapi({ description: "Bytes of those: the `from` of a stream of the rest." }),
  isOpen: z.boolean().openapi({ description: "Whether the last line may go on." }),
};

const linesSchema = z.object({ lines: z.array(lineSchema), ...extent }).openapi("LogLines");

/** Lines of a log as the API has them. */
export type LogLinesDocument = z.infer<typeof linesSchema>;

/** `2117-2130,3000`: each behind the one before, and no more lines than are given at once. */
const rangesSchema = z
  .string()
  .regex(/^\d{1,15}(?:-\d{1,15})?(?:,\d{1,15}(?:-\d{1,15})?)*$/)
  .max(maxRanges * 32)
  .transform((text, context): readonly LineRange[] => {
    const ranges = text.split(",").map((word) => {
      const [from = 0, to = from] = word.split("-").map(Number);
      return { from, to };
    });
    const isInOrder = ranges.every(
      ({ from, to }, at) => from > (at === 0 ? 0 : (ranges[at - 1]?.to ?? 0)) && to >= from,
    );
    const count = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    if (isInOrder && ranges.length <= maxRanges && count <= maxLines) return ranges;
    const message = `ranges are in order, ${maxRanges} at most, of ${maxLines} lines at most`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

const linesQuery = z.object({
  first: lineNumber.optional().openapi({ description: "The last ones without it." }),
  count: z.coerce.number().int().min(1).max(maxLines).default(1000),
  ranges: rangesSchema.optional().openapi({
    type: "string",
    example: "1-20,2117-2130",
    description: "Lines of several places, in place of `first` and `count`.",
  }),
});

const matchesSchema = z
  .object({
    lines: z.array(lineSchema),
    next: z.int().optional().openapi({ description: "What `first` is to go on." }),
  })
  .openapi("LogMatches");

/** Lines of a log in which a text stands, as the API has them. */
export type LogMatchesDocument = z.infer<typeof matchesSchema>;

const matchesQuery = z
  .object({
    text: z.string().min(1).max(500),
    regex: z.enum(["true", "false"]).default("false").openapi({
      description: "Whether the text is an expression of RE2, which takes linear time.",
    }),
    first: lineNumber.default(1),
  })
  .refine(({ text, regex }) => regex === "false" || isLogExpression(text), {
    ...{ path: ["text"], message: "it is no expression of RE2, or too large a one" },
  });

const outlineSchema = z
  .object({
    chapters: z.array(
      z.object({
        line: z.int(),
        title: z.string(),
        kind: z.enum(["step", "group", "section", "attempt"]),
      }),
    ),
    suspects: z.array(z.int()).openapi({
      description: "Lines that look like what went wrong: the first 500 and the last 500.",
    }),
    suspected: z.int().openapi({ description: "How many of those there are." }),
    ...extent,
  })
  .openapi("LogOutline");

/** What is worth a look in a log, as the API has it. */
export type LogOutlineDocument = z.infer<typeof outlineSchema>;

/** Logs that are read by lines. */
export interface LogPlace {
  /** Below `/api/v1`: the run. */
  readonly path: string;
  readonly tag: string;
  readonly params: z.ZodObject;
  find(params: Readonly<Record<string, unknown>>): Promise<LoggedRun>;
}

/** The routes of the logs of runs by their lines. */
export function addLogLines(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const logs = openLogLines();
  addLogsOf(api, parts, logs, {
    ...{ path: "/runs/{id}", tag: "runs", params: z.object({ id: runIdSchema }) },
    find: ({ id }) => parts.runs.find(String(id)),
  });
}

/** The routes of logs by their lines, below where their runs are. */
export function addLogsOf(
  api: OpenAPIHono<Env>,
  parts: ServerParts,
  logs: LogLines,
  { path, tag, params, find }: LogPlace,
): void {
  const add = <Query extends z.ZodType, Answer extends z.ZodType>(
    name: string,
    summary: string,
    [query, answer]: readonly [Query, Answer],
    read: (stored: LoggedRun, query: z.output<Query>, signal: AbortSignal) => Promise<object>,
  ): void => {
    api.openAPIRegistry.registerPath({
      ...{ method: "get", path: `${path}/log/${name}`, tags: [tag], summary },
      request: { params, query: query as unknown as z.ZodObject },
      responses: { 200: json(answer, summary), ...failures },
    });
    api.get(`${path.replace(/\{(\w+)\}/g, ":$1")}/log/${name}`, async (c: Asking) => {
      demand(c, parts, "read");
      const named = params.safeParse(c.req.param());
      if (!named.success) return answerInvalid(c, "param", named.error);
      const asked = query.safeParse(c.req.query());
      if (!asked.success) return answerInvalid(c, "query", asked.error);
      return c.json(await read(await find(named.data), asked.data, c.req.raw.signal), 200);
    });
  };
  add(
    "lines",
    "Lines of the log, as far as it is written",
    [linesQuery, linesSchema],
    async (stored, asked) => {
      const { first, count, ranges } = asked;
      const wanted = ranges ?? (first === undefined ? undefined : [{ from: first, to: first + count - 1 }]);
      const part = wanted === undefined ? await logs.end(stored, count) : await logs.read(stored, wanted);
      return { ...part, lines: part.lines.map(shownLine) };
    },
  );
  add(
    "matches",
    "Lines of the log in which a text stands, or an expression finds something, in whichever case",
    [matchesQuery, matchesSchema],
    async (stored, { text, regex, first }, signal) => {
      const search = { text, isExpression: regex === "true" };
      const { lines, next } = await logs.find(stored, search, first, signal);
      return { lines: lines.map(shownLine), next };
    },
  );
  add(
    "outline",
    "The chapters of the log, and where it looks as if something went wrong",
    [z.object({}), outlineSchema],
    async (stored) => logs.outline(stored),
  );
}

function shownLine({ at, ...line }: LogLine) {
  return { ...line, at: at?.toISOString() };
}
