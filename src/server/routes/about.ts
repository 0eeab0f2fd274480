import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { mayDo } from "../../access/index.ts";
import { destinationSchema, receiverSchema, serverSchema } from "../about.ts";
import { demand } from "../acts.ts";
import type { Asking, Env } from "../context.ts";
import { addList } from "../lists/list.ts";
import { pageOfNamed } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { lineSchema } from "../schemas.ts";

const serverRoute = createRoute({
  method: "get",
  path: "/server",
  tags: ["server"],
  summary: "The server itself: its processes, database, records and what it is told",
  responses: { 200: json(serverSchema, "As it is now."), ...failures },
});

/** The routes of the server itself and of what it is told. */
export function addAbout(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { state, version, publicUrl, access } = parts;
  const isAdmin = (c: Asking): boolean =>
    mayDo(c.get("identified").principal, "manage", undefined, access.settings).isGiven;

  api.openapi(serverRoute, async (c) => {
    demand(c, parts, "read");
    const why = await parts.whyUnready();
    const { database, records, auditCheck, processes, ...rest } = await state.server();
    const shown = isAdmin(c)
      ? { database, records, auditCheck, processes }
      : {
          database: { ...database, where: undefined },
          records: { ...records, where: undefined },
          processes: processes.map((each) => ({ ...each, pid: undefined, address: undefined })),
        };
    return c.json(
      { version, publicUrl: publicUrl.origin, ready: why === undefined, why, ...rest, ...shown },
      200,
    );
  });

  addList(api, {
    ...{ path: "/destinations", tag: "server", item: destinationSchema, params: {} },
    summary: "Registries, by host: what they are configured to bear, and what runs have found out of them",
    filters: { after: lineSchema(255).optional() },
    async read(c, page) {
      demand(c, parts, "read");
      const all = await state.destinations();
      const shown = isAdmin(c)
        ? all
        : all.map((each) => ({ ...each, credential: undefined, credentials: undefined }));
      return pageOfNamed(shown, page, ({ host }) => host);
    },
  });

  addList(api, {
    ...{ path: "/receivers", tag: "server", item: receiverSchema, params: {} },
    summary: "Whom something is told of jobs, and what became of it last",
    filters: { after: lineSchema(500).optional() },
    async read(c, page) {
      demand(c, parts, "manage");
      return pageOfNamed(await state.receivers(), page, ({ name }) => name);
    },
  });
}
