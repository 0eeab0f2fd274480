import { Readable } from "node:stream";
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { demand, doing } from "../acts.ts";
import type { Env } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { failures } from "../responses.ts";

const backupRoute = createRoute({
  method: "post",
  path: "/backup",
  tags: ["backup"],
  summary: "All that the database has, as waybill serve restore takes it",
  responses: {
    200: {
      description: "The backup. Whoever has it knows what people and machines are known by.",
      headers: z.object({ "x-waybill-tables": z.string(), "x-waybill-rows": z.string() }),
      content: { "application/gzip": { schema: z.string().openapi({ format: "binary" }) } },
    },
    ...failures,
  },
});

/** The route of the backup. */
export function addBackup(api: OpenAPIHono<Env>, parts: ServerParts): void {
  api.openapi(backupRoute, async (c) => {
    demand(c, parts, "manage");
    const { tables, rows, bytes, body } = await parts.backUp();
    try {
      await doing(c, parts, async () => ({
        result: undefined,
        done: { act: "database.backup", subject: "database", after: { tables, rows, bytes } },
      }));
    } catch (error) {
      body.destroy();
      throw error;
    }
    return c.body(Readable.toWeb(body) as ReadableStream<Uint8Array>, 200, {
      "content-type": "application/gzip",
      "content-length": String(bytes),
      "content-disposition": 'attachment; filename="waybill.backup"',
      "x-waybill-tables": String(tables),
      "x-waybill-rows": String(rows),
    });
  });
}
