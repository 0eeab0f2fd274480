import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { listRemotes, type RemoteState } from "../../triggers/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { timeSchema } from "../schemas.ts";

const remoteSchema = z
  .object({
    url: z.string(),
    what: z.enum(["refs", "pulls"]).openapi({ description: "What of it is looked at." }),
    lookedAt: timeSchema.optional().openapi({ description: "When all of it was last read." }),
    dueAt: timeSchema,
    toldAt: timeSchema.optional().openapi({ description: "When a webhook about it was last verified." }),
    unread: z
      .object({ since: timeSchema, attempts: z.int(), code: z.string(), message: z.string() })
      .optional()
      .openapi({ description: "Why nothing is known of it now; what comes meanwhile is found later." }),
    movedTags: z.array(z.object({ ref: z.string(), from: z.string(), to: z.string(), seenAt: timeSchema })),
  })
  .openapi("Remote");

const listRoute = createRoute({
  method: "get",
  path: "/remotes",
  tags: ["jobs"],
  summary: "Repositories that are looked at, those that cannot be read first, and tags that were moved",
  responses: { 200: json(z.object({ remotes: z.array(remoteSchema) }), "The repositories."), ...failures },
});

/** The routes of what starts jobs. */
export function addRemotes(api: OpenAPIHono<Env>, parts: ServerParts): void {
  api.openapi(listRoute, async (c) => {
    demand(c, parts, "read");
    const remotes = await listRemotes(parts.db);
    return c.json({ remotes: remotes.map(remoteDocument) }, 200);
  });
}

function remoteDocument({ url, what, lookedAt, dueAt, toldAt, unread, movedTags }: RemoteState) {
  return {
    ...{ url, what, dueAt: dueAt.toISOString() },
    lookedAt: lookedAt?.toISOString(),
    toldAt: toldAt?.toISOString(),
    unread: unread && {
      since: unread.since.toISOString(),
      attempts: unread.attempts,
      code: unread.failure.code,
      message: unread.failure.message,
    },
    movedTags: movedTags.map(({ seenAt, ...tag }) => ({ ...tag, seenAt: seenAt.toISOString() })),
  };
}
