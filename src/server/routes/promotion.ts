import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import {
  type CellState,
  cellStates,
  countMatrixRows,
  isProblemState,
  type MatrixQuery,
  type MatrixRow,
  type RankedRow,
  readMatrix,
  readMatrixRow,
  readMatrixRows,
  repositoryOfCell,
  type StoredMatrix,
  stateOfLetter,
} from "../../matrix/index.ts";
import type { QueuedRun } from "../../queue/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import { pageOfRows } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { lineSchema, runIdSchema, runStates, timeSchema } from "../schemas.ts";

const tags = ["promotions"];
const params = z.object({ id: runIdSchema });

const stateNames = cellStates.map(({ state }) => state);
const stateSchema = z.enum(stateNames);
const problemStates = stateNames.filter(isProblemState);

const countsSchema = z
  .partialRecord(stateSchema, z.int())
  .openapi({ description: "Edges by state; states that none has are left out." });

const causeSchema = z
  .object({
    state: z.string(),
    code: z.string().optional(),
    host: z.string().optional(),
    message: z.string(),
    hint: z.string().optional().openapi({ description: "The way out." }),
    count: z.int(),
    places: z.array(
      z.object({
        what: z.string(),
        others: z.int().openapi({ description: "How many others the same line asks for." }),
        at: z.string().optional(),
        where: z.string().optional(),
        detail: z.string().optional(),
      }),
    ),
    more: z.int().openapi({ description: "Places beyond these." }),
  })
  .openapi("PromotionCause");

const nowSchema = z
  .object({
    at: timeSchema,
    planning: z
      .object({ done: z.int(), total: z.int() })
      .optional()
      .openapi({ description: "Repositories that were read, while the plan is made." }),
    images: z.array(
      z.object({
        digest: z.string(),
        name: z.string(),
        destinations: z.array(z.object({ name: z.string(), done: z.int(), total: z.int(), rate: z.int() })),
      }),
    ),
    more: z.int().openapi({ description: "Images on their way beyond these." }),
    hosts: z.array(
      z.object({
        host: z.string(),
        sent: z.int(),
        read: z.int(),
        rate: z.int().openapi({ description: "Bytes sent in a second, of the last ones." }),
        waits: z
          .object({ for: z.enum(["pause", "answer"]), reason: z.string(), until: timeSchema.optional() })
          .optional()
          .openapi({ description: "It wants a pause, or does not answer." }),
        retry: z
          .object({ attempt: z.int(), of: z.int(), reason: z.string(), until: timeSchema })
          .optional()
          .openapi({ description: "The attempt that follows one that has failed." }),
      }),
    ),
    sent: z.int(),
    rate: z.int(),
  })
  .openapi("PromotionNow");

const promotionSchema = z
  .object({
    run: runIdSchema,
    state: z.enum(runStates).openapi({ description: "That of the run." }),
    kind: z.enum(["promotion", "plan", "verification"]),
    isWhole: z.boolean().openapi({ description: "All is said: otherwise the run goes on, or was cut off." }),
    isCutOff: z.boolean().openapi({
      description:
        "The attempt that says it does not run any more, and has not said all: what waits or is being copied may be done.",
    }),
    isDry: z.boolean().openapi({ description: "Nothing is written: what waits would be done." }),
    mirrors: z.array(z.object({ name: z.string(), counts: countsSchema })),
    rows: z.int(),
    counts: countsSchema,
    present: z.int().openapi({ description: "Edges that are as asked, and so are in no row." }),
    images: z.int().openapi({ description: "Images that have to be brought somewhere." }),
    planHash: z.string().optional(),
    edgesHash: z.string().optional(),
    causes: z.array(causeSchema).openapi({ description: "What problems come from, so far." }),
    now: nowSchema.optional().openapi({ description: "What goes on, while something does." }),
    projects: z.array(z.string()),
  })
  .openapi("Promotion");

/** The matrix of a run, without its rows, as the API has it. */
export type PromotionDocument = z.infer<typeof promotionSchema>;

const noteSchema = z.object({
  of: z.array(z.int()).openapi({ description: "Numbers of mirrors, from 0 on." }),
  why: z.string().optional(),
  hint: z.string().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  action: z.string().optional(),
  current: z.string().optional(),
  policy: z.string().optional(),
});

const rowSchema = z
  .object({
    at: z.int().openapi({ description: "Its number, from 0 on." }),
    project: z.string(),
    name: z.string(),
    digest: z.string(),
    tags: z.array(z.string()),
    source: z.string().optional(),
    cells: z.string().openapi({
      description: `A letter for each mirror: ${cellStates.map(({ letter, state }) => `${letter} ${state}`).join(", ")}; a dot where nothing is listed.`,
    }),
    entries: z.array(
      z.object({
        tag: z.string().nullable(),
        at: z.string().openapi({ description: "`file:line:column` of the line that asks for it." }),
        cells: z.string(),
        notes: z.array(noteSchema),
      }),
    ),
    repositories: z
      .array(z.string().nullable())
      .openapi({ description: "The production repository at each mirror; `null` where nothing is listed." }),
  })
  .openapi("PromotionRow");

/** A row of a matrix as the API has it. */
export type PromotionRowDocument = z.infer<typeof rowSchema>;

const edgeSchema = z
  .object({
    project: z.string(),
    repository: z.string(),
    tag: z.string().optional(),
    digest: z.string(),
    mirror: z.string(),
    state: stateSchema,
    action: z.string().optional(),
    why: z.string().optional(),
    hint: z.string().optional(),
    code: z.string().optional(),
    current: z.string().optional(),
    at: z.string(),
    source: z.string().optional(),
    row: z.int(),
  })
  .openapi("PromotionEdge");

/** An edge of a matrix as the API has it. */
export type PromotionEdgeDocument = z.infer<typeof edgeSchema>;

/** States by their names with commas between them; `problem` is all that are one. */
const states = z
  .string()
  .max(300)
  .transform((text, context) => {
    const names = text.split(",").flatMap((name) => (name === "problem" ? problemStates : [name]));
    const known = names.filter((name): name is CellState => stateNames.includes(name as CellState));
    if (known.length === names.length) return known;
    context.addIssue({ code: "custom", message: `it is none of problem, ${stateNames.join(", ")}` });
    return z.NEVER;
  })
  .optional()
  .openapi({
    type: "string",
    description: `Some of ${stateNames.join(", ")}, or \`problem\`, with commas between them.`,
    example: "failed,conflict",
  });

const filters = {
  state: states,
  project: lineSchema(200).optional(),
  image: lineSchema(300)
    .optional()
    .openapi({ description: "A part of a project, name, tag or digest, in whichever case." }),
  mirror: lineSchema(500)
    .optional()
    .openapi({ description: "A mirror by name: the states that are asked for are those at it." }),
  order: z.enum(["image", "worst"]).default("image"),
};

const promotionRoute = createRoute({
  method: "get",
  path: "/runs/{id}/promotion",
  tags,
  summary: "What a run promotes, would promote or has verified: sums, causes, and what goes on now",
  request: { params },
  responses: { 200: json(promotionSchema, "All but the rows."), ...failures },
});

const rowRoute = createRoute({
  method: "get",
  path: "/runs/{id}/promotion/rows/{row}",
  tags,
  summary: "One image of a promotion, at all mirrors",
  request: { params: params.extend({ row: z.coerce.number().int().min(0).max(2_147_483_647) }) },
  responses: { 200: json(rowSchema, "The row."), ...failures },
});

const countRoute = createRoute({
  method: "get",
  path: "/runs/{id}/promotion/count",
  tags,
  summary: "How many images of a promotion there are of what is asked for",
  request: { params, query: z.object(filters) },
  responses: { 200: json(z.object({ rows: z.int() }), "The number."), ...failures },
});

/** The routes of what promotions, reviews and verifications say of each image at each mirror. */
export function addPromotion(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, queue } = parts;

  const matrixOf = async (id: string): Promise<StoredMatrix> => {
    const matrix = await readMatrix(db, id);
    if (matrix !== undefined) return matrix;
    const { state, kind } = await queue.read(id);
    throw new ServerError("no-matrix", `nothing is known of images and mirrors of this ${kind} run`, {
      hint: state === "ended" ? "look at its log and its files" : "it has not begun to plan: come again",
    });
  };
  const queryOf = (matrix: StoredMatrix, asked: Asked): MatrixQuery => {
    const mirror =
      asked.mirror === undefined ? undefined : matrix.mirrors.findIndex(({ name }) => name === asked.mirror);
    if (mirror === -1) {
      throw new ServerError("unknown-mirror", "nothing of this run goes to a mirror of that name", {
        hint: `there are: ${matrix.mirrors.map(({ name }) => name).join(", ")}`.slice(0, 2_000),
      });
    }
    return { states: asked.state, project: asked.project, search: asked.image, mirror, order: asked.order };
  };

  api.openapi(promotionRoute, async (c) => {
    demand(c, parts, "read");
    const { id } = c.req.valid("param");
    const [matrix, run] = await Promise.all([matrixOf(id), queue.read(id)]);
    return c.json(promotionDocument(run, matrix), 200);
  });

  api.openapi(countRoute, async (c) => {
    demand(c, parts, "read");
    const { id } = c.req.valid("param");
    const query = queryOf(await matrixOf(id), c.req.valid("query"));
    return c.json({ rows: await countMatrixRows(db, id, query) }, 200);
  });

  api.openapi(rowRoute, async (c) => {
    demand(c, parts, "read");
    const { id, row } = c.req.valid("param");
    const matrix = await matrixOf(id);
    const found = await readMatrixRow(db, id, row);
    if (found === undefined) throw new ServerError("unknown-row", "the run has no such image");
    return c.json(rowDocument(found, matrix), 200);
  });

  addList(api, {
    ...{ path: "/runs/{id}/promotion/rows", tag: "promotions", item: rowSchema },
    summary: "Images of a promotion, with a letter for each mirror",
    params: { id: runIdSchema },
    filters: {
      ...filters,
      after: place(2),
      skip: z.coerce
        .number()
        .int()
        .min(0)
        .max(10_000_000)
        .optional()
        .openapi({ description: "So many of what is asked for are passed over." }),
    },
    async read(c, { limit, after, skip, ...asked }, { id }) {
      demand(c, parts, "read");
      const matrix = await matrixOf(id);
      const [worst = 0, at = 0] = after ?? [];
      const start = { limit: limit + 1, skip, after: after && { worst, at } };
      const rows = await readMatrixRows(db, id, queryOf(matrix, asked), start);
      return pageOfRows(
        rows,
        limit,
        ({ worst, at }) => `${worst}.${at}`,
        (row) => rowDocument(row, matrix),
      );
    },
  });

  addList(api, {
    ...{ path: "/runs/{id}/promotion/edges", tag: "promotions", item: edgeSchema },
    summary: "Edges of a promotion: what is asked for of a tag at one mirror, and what became of it",
    params: { id: runIdSchema },
    filters: { ...filters, after: place(3) },
    async read(c, { limit, after, ...asked }, { id }) {
      demand(c, parts, "read");
      const matrix = await matrixOf(id);
      const query = queryOf(matrix, asked);
      const [worst = 0, at = 0, taken = 0] = after ?? [];
      const items: PromotionEdgeDocument[] = [];
      // The row of the last edge may have more of them.
      let begin: { worst: number; at: number } | undefined = after && { worst, at: at - 1 };
      for (;;) {
        const rows = await readMatrixRows(db, id, query, { limit: edgeRows, after: begin });
        for (const row of rows) {
          let number = 0;
          for (const edge of edgesOf(row, matrix, query)) {
            number += 1;
            if (after !== undefined && row.at === at && number <= taken) continue;
            if (items.length === limit) return { items, next: nextOf(row, number - 1) };
            items.push(edge);
          }
          begin = { worst: row.worst, at: row.at };
        }
        if (rows.length < edgeRows) return { items };
      }
    },
  });
}

/** Rows that are read at once for their edges. */
const edgeRows = 100;

type Asked = z.output<z.ZodObject<typeof filters>>;

/** So many numbers with dots between them, where a page goes on. */
function place(count: number) {
  return z
    .string()
    .regex(new RegExp(`^[0-9]{1,9}(\\.[0-9]{1,9}){${count - 1}}$`))
    .transform((text) => text.split(".").map(Number))
    .optional()
    .openapi({ type: "string", description: "What `next` of the page before says." });
}

function nextOf({ worst, at }: RankedRow, taken: number): string {
  return `${worst}.${at}.${taken}`;
}

function* edgesOf(
  row: MatrixRow,
  matrix: StoredMatrix,
  { states, mirror: only }: MatrixQuery,
): Generator<PromotionEdgeDocument> {
  const { project, digest, source, entries } = row;
  for (const { tag, at, cells, notes } of entries) {
    for (const [mirror, letter] of [...cells].entries()) {
      const state = stateOfLetter(letter);
      if (state === undefined || (only !== undefined && mirror !== only)) continue;
      if (states !== undefined && !states.includes(state)) continue;
      const { action, why, hint, code, current } = notes.find(({ of }) => of.includes(mirror)) ?? {};
      yield {
        ...{ project, repository: repositoryOfCell(row, matrix.mirrors, mirror), tag: tag ?? undefined },
        ...{ digest, mirror: matrix.mirrors[mirror]?.name ?? "", state, action, why, hint, code, current },
        ...{ at, source, row: row.at },
      };
    }
  }
}

function rowDocument(row: MatrixRow, { mirrors }: StoredMatrix): PromotionRowDocument {
  const { at, project, name, digest, tags, source, cells, entries } = row;
  return {
    ...{ at, project, name, digest, tags: [...tags], source, cells },
    entries: entries.map((entry) => ({
      ...entry,
      notes: entry.notes.map((note) => ({ ...note, of: [...note.of] })),
    })),
    repositories: [...cells].map((letter, mirror) =>
      stateOfLetter(letter) === undefined ? null : repositoryOfCell(row, mirrors, mirror),
    ),
  };
}

function promotionDocument(
  { id, state, ...run }: Pick<QueuedRun, "id" | "state" | "attempt">,
  { mirrors, causes, now: told, projects, attempt, ...matrix }: StoredMatrix,
): PromotionDocument {
  const isUnderWay = state === "running" && run.attempt === attempt;
  const now = isUnderWay ? told : undefined;
  return {
    ...{ run: id, state, ...matrix, isCutOff: !matrix.isWhole && !isUnderWay },
    mirrors: [...mirrors],
    causes: causes.map((cause) => ({ ...cause, places: [...cause.places] })),
    now: now && {
      ...now,
      images: now.images.map((image) => ({ ...image, destinations: [...image.destinations] })),
      hosts: [...now.hosts],
    },
    projects: [...projects],
  };
}
