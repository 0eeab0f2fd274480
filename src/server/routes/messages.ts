import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { listDeliveries } from "../../deliveries/index.ts";
import { listNotifications, tellings } from "../../notifications/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { runIdSchema, timeSchema } from "../schemas.ts";

/** Digits, in the order of arrival. */
const number = z.string().regex(/^[0-9]{1,18}$/);
const page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(100),
  before: number.optional().openapi({ description: "The number of the last one that was seen." }),
});

const deliverySchema = z
  .object({
    number,
    source: z.string(),
    sender: z.string(),
    id: z.string().openapi({ description: "By what its sender knows it." }),
    event: z.string(),
    outcome: z.enum(["waiting", "done", "failed"]),
    arrivals: z.int(),
    attempts: z.int(),
    failure: z.string().optional().openapi({ description: "Why it failed the last time." }),
    receivedAt: timeSchema,
  })
  .openapi("Delivery");

const deliveriesRoute = createRoute({
  method: "get",
  path: "/deliveries",
  tags: ["webhooks"],
  summary: "What forges and registries have sent, the newest first, and what became of it",
  request: { query: page },
  responses: { 200: json(z.object({ deliveries: z.array(deliverySchema) }), "A page of it."), ...failures },
});

const notificationSchema = z
  .object({
    number,
    id: z.string(),
    receiver: z.string(),
    telling: z.enum(tellings),
    cause: z.string(),
    jobs: z.array(z.object({ job: z.string(), run: runIdSchema })),
    state: z.enum(["waiting", "sent", "failed"]),
    attempts: z.int(),
    failure: z.string().optional().openapi({ description: "Why it did not arrive the last time." }),
    at: timeSchema,
    dueAt: timeSchema,
  })
  .openapi("Notification");

const notificationsRoute = createRoute({
  method: "get",
  path: "/notifications",
  tags: ["jobs"],
  summary: "Who was told of jobs, the newest first, and whether it arrived",
  request: { query: page },
  responses: {
    200: json(z.object({ notifications: z.array(notificationSchema) }), "A page of it."),
    ...failures,
  },
});

/** The routes of what has come in and gone out: for an admin, because it names people. */
export function addMessages(api: OpenAPIHono<Env>, parts: ServerParts): void {
  api.openapi(deliveriesRoute, async (c) => {
    demand(c, parts, "manage");
    const found = await listDeliveries(parts.db, c.req.valid("query"));
    const deliveries = found.map(({ receivedAt, source, sender, id, event, ...kept }) => ({
      ...{ number: kept.number, source, sender, id, event, outcome: kept.outcome, arrivals: kept.arrivals },
      ...{ attempts: kept.attempts, failure: kept.failure, receivedAt: receivedAt.toISOString() },
    }));
    return c.json({ deliveries }, 200);
  });

  api.openapi(notificationsRoute, async (c) => {
    demand(c, parts, "manage");
    const found = await listNotifications(parts.db, c.req.valid("query"));
    const notifications = found.map(({ jobs, dueAt, ...told }) => ({
      ...told,
      jobs: jobs.map(({ job, run }) => ({ job, run })),
      dueAt: dueAt.toISOString(),
    }));
    return c.json({ notifications }, 200);
  });
}
