import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { listRemotes, lookNow, type RemoteState } from "../../triggers/index.ts";
import { demand, doing } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import { afterValues, pageOfNamed, placeText } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, jsonBody } from "../responses.ts";
import { lineSchema, timeSchema } from "../schemas.ts";

const tags = ["jobs"];

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
    hook: z
      .object({ since: timeSchema, message: z.string(), hint: z.string() })
      .optional()
      .openapi({ description: "That webhooks that lead here are switched off, and the way out." }),
    hookDeliveries: z
      .object({ at: timeSchema, failed: z.int(), failedAt: timeSchema.optional() })
      .optional()
      .openapi({
        description: "What its forge says of deliveries to us: how many failed the last time that any did.",
      }),
    movedTags: z.array(z.object({ ref: z.string(), from: z.string(), to: z.string(), seenAt: timeSchema })),
  })
  .openapi("Remote");

/** A repository that is looked at, as the API has it. */
export type RemoteDocument = z.infer<typeof remoteSchema>;

const urlSchema = lineSchema(1_000);

const lookRoute = createRoute({
  method: "post",
  path: "/remotes/look",
  tags,
  summary: "Look at a repository now",
  request: { body: jsonBody(z.strictObject({ url: urlSchema })) },
  responses: { 202: { description: "It is looked at next." }, ...failures },
});

/** The routes of what starts jobs. */
export function addRemotes(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db } = parts;

  addList(api, {
    ...{ path: "/remotes", tag: "jobs", item: remoteSchema, params: {} },
    summary: "Repositories that are looked at, and tags that were moved",
    filters: {
      url: urlSchema.optional(),
      state: z
        .enum(["read", "unread"])
        .optional()
        .openapi({ description: "`unread`: those of which nothing is known now." }),
      after: afterValues(),
    },
    async read(c, { url, state, limit, after }) {
      demand(c, parts, "read");
      const found = (await listRemotes(db)).filter(
        (remote) =>
          (url === undefined || remote.url === url) &&
          (state === undefined || (remote.unread !== undefined) === (state === "unread")),
      );
      const page = pageOfNamed(found, { limit, after: after && nameOf(after) }, (remote) =>
        nameOf([remote.url, remote.what]),
      );
      const last = page.items.at(-1);
      return {
        items: page.items.map(remoteDocument),
        next: page.next && last && placeText([last.url, last.what]),
      };
    },
  });

  api.openapi(lookRoute, async (c) => {
    demand(c, parts, "run");
    const { url } = c.req.valid("json");
    await doing(c, parts, async (sql) => {
      const isThere = (await listRemotes(sql)).some((remote) => remote.url === url);
      if (!isThere) {
        throw new ServerError("unknown-remote", "no job looks at a repository of that URL", {
          hint: "see those that there are: GET /api/v1/remotes",
        });
      }
      const told = { repositoryUrls: [url], refs: [], pull: undefined, registry: [] };
      await lookNow(sql, [], [told], timeOf(parts));
      return { result: undefined, done: { act: "remote.look", subject: `remote/${url}` } };
    });
    return c.body(null, 202);
  });
}

function nameOf([url, what]: readonly [string, string]): string {
  return `${url} ${what}`;
}

function remoteDocument({
  url,
  what,
  lookedAt,
  dueAt,
  toldAt,
  unread,
  hook,
  hookDeliveries,
  movedTags,
}: RemoteState) {
  return {
    ...{ url, what, dueAt: dueAt.toISOString() },
    hook: hook && { ...hook, since: hook.since.toISOString() },
    hookDeliveries: hookDeliveries && {
      ...{ at: hookDeliveries.at.toISOString(), failed: hookDeliveries.failed },
      failedAt: hookDeliveries.failedAt?.toISOString(),
    },
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
