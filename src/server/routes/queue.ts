import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { timeSchema } from "../schemas.ts";

const tags = ["queue"];

export const queueSchema = z
  .object({
    counts: z.array(
      z.object({
        job: z.string(),
        kind: z.string(),
        state: z.enum(["held", "waiting", "running"]),
        runs: z.int(),
        oldest: timeSchema.openapi({ description: "When the oldest of them was asked for." }),
      }),
    ),
    workers: z.array(
      z.object({
        name: z.string(),
        seats: z.int().openapi({ description: "Runs at the same time." }),
        running: z.int(),
        since: timeSchema,
        seen: timeSchema,
      }),
    ),
  })
  .openapi("Queue");

/** The queue as the API has it. */
export type QueueDocument = z.infer<typeof queueSchema>;

const queueRoute = createRoute({
  method: "get",
  path: "/queue",
  tags,
  summary: "How many runs wait, are held and run, and who carries them out",
  responses: { 200: json(queueSchema, "The queue."), ...failures },
});

/** The queue as the API has it. */
export async function queueDocument({ queue }: ServerParts): Promise<QueueDocument> {
  const [counts, workers] = await Promise.all([queue.counts(), queue.workers()]);
  return {
    counts: counts.map(({ oldest, ...count }) => ({ ...count, oldest: oldest.toISOString() })),
    workers: workers.map(({ since, seen, ...worker }) => ({
      ...worker,
      since: since.toISOString(),
      seen: seen.toISOString(),
    })),
  };
}

/** The routes of the queue. */
export function addQueue(api: OpenAPIHono<Env>, parts: ServerParts): void {
  api.openapi(queueRoute, async (c) => {
    demand(c, parts, "read");
    return c.json(await queueDocument(parts), 200);
  });
}
