import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { listDeliveries, repeatDelivery, type StoredDelivery } from "../../deliveries/index.ts";
import { listNotifications, tellings } from "../../notifications/index.ts";
import { demand, doing } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import { afterNumber, pageOfRows } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { jobNameSchema, lineSchema, runIdSchema, timeSchema } from "../schemas.ts";

const outcomes = ["waiting", "done", "failed"] as const;
const states = ["waiting", "sent", "failed"] as const;
const word = lineSchema(500).optional();

const deliverySchema = z
  .object({
    number: z.string().openapi({ description: "In the order of arrival." }),
    source: z.string(),
    sender: z.string(),
    id: z.string().openapi({ description: "By what its sender knows it." }),
    event: z.string(),
    repositories: z.array(z.string()).openapi({ description: "What it is about, as its sender writes it." }),
    outcome: z.enum(outcomes),
    arrivals: z.int(),
    attempts: z.int(),
    failure: z.string().optional().openapi({ description: "Why it failed the last time." }),
    receivedAt: timeSchema,
  })
  .openapi("Delivery");

/** A delivery as the API has it. */
export type DeliveryDocument = z.infer<typeof deliverySchema>;

const repeatRoute = createRoute({
  method: "post",
  path: "/deliveries/{number}/repeat",
  tags: ["webhooks"],
  summary: "Look again at what a delivery was about, as if it had just come",
  request: { params: z.object({ number: z.string().regex(/^[0-9]{1,18}$/) }) },
  responses: { 202: json(deliverySchema, "The delivery, which waits."), ...failures },
});

const notificationSchema = z
  .object({
    number: z.string(),
    id: z.string(),
    receiver: z.string(),
    telling: z.enum(tellings),
    cause: z.string(),
    jobs: z.array(z.object({ job: z.string(), run: runIdSchema })),
    state: z.enum(states),
    attempts: z.int(),
    failure: z.string().optional().openapi({ description: "Why it did not arrive the last time." }),
    at: timeSchema,
    dueAt: timeSchema,
  })
  .openapi("Notification");

/** A notification as the API has it. */
export type NotificationDocument = z.infer<typeof notificationSchema>;

/** The routes of what has come in and gone out: for an admin, because it names people. */
export function addMessages(api: OpenAPIHono<Env>, parts: ServerParts): void {
  addList(api, {
    ...{ path: "/deliveries", tag: "webhooks", item: deliverySchema, params: {} },
    summary: "What forges and registries have sent, the newest first, and what became of it",
    filters: {
      ...{ source: word, event: word, outcome: z.enum(outcomes).optional(), after: afterNumber },
      repo: word.openapi({ description: "URL of a repository, as the sender writes it." }),
    },
    async read(c, { after: before, limit, ...filter }) {
      demand(c, parts, "manage");
      const found = await listDeliveries(parts.db, { ...filter, before, limit: limit + 1 });
      return pageOfRows(found, limit, ({ number }) => number, deliveryDocument);
    },
  });

  api.openapi(repeatRoute, async (c) => {
    demand(c, parts, "manage");
    const { number } = c.req.valid("param");
    const delivery = await doing(c, parts, async (sql) => {
      const result = await repeatDelivery(sql, number, timeOf(parts));
      if (result === undefined) {
        throw new ServerError("unknown-delivery", "no delivery has that number", {
          hint: "those of some weeks are kept: GET /api/v1/deliveries",
        });
      }
      return { result, done: { act: "delivery.repeat", subject: `delivery/${number}` } };
    });
    return c.json(deliveryDocument(delivery), 202);
  });

  addList(api, {
    ...{ path: "/notifications", tag: "jobs", item: notificationSchema, params: {} },
    summary: "Who was told of jobs, the newest first, and whether it arrived",
    filters: {
      ...{ receiver: word, telling: z.enum(tellings).optional(), state: z.enum(states).optional() },
      ...{ job: jobNameSchema.optional(), after: afterNumber },
    },
    async read(c, { after: before, limit, ...filter }) {
      demand(c, parts, "manage");
      const found = await listNotifications(parts.db, { ...filter, before, limit: limit + 1 });
      return pageOfRows(
        found,
        limit,
        ({ number }) => number,
        ({ jobs, dueAt, ...told }) => ({
          ...told,
          jobs: jobs.map(({ job, run }) => ({ job, run })),
          dueAt: dueAt.toISOString(),
        }),
      );
    },
  });
}

function deliveryDocument(delivery: StoredDelivery): DeliveryDocument {
  const { number, source, sender, id, event, repositoryUrls, outcome, arrivals, attempts } = delivery;
  const { failure, receivedAt } = delivery;
  return {
    ...{ number, source, sender, id, event, repositories: [...repositoryUrls], outcome, arrivals, attempts },
    ...{ failure, receivedAt: receivedAt.toISOString() },
  };
}
