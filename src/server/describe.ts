import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Env } from "./context.ts";
import type { ServerParts } from "./model.ts";

/** What the description says of the API as a whole. */
const description = `State of runs, jobs and the queue, and what can be done to them. Failures are \`application/problem+json\` (RFC 9457)
with a stable \`code\`. Lists are in pages: \`next\` of one is \`after\` of the next. Ids of runs are texts of digits.`;

/** Serves the description of the API, made from the schemas that check its requests. */
export function describe(
  app: OpenAPIHono<Env>,
  { version, publicUrl }: Pick<ServerParts, "version" | "publicUrl">,
): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "A token of this server's.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "__Host-waybill",
    description: "The session of a person who has logged in with a browser.",
  });
  app.doc31("/api/v1/openapi.json", {
    openapi: "3.1.0",
    info: { title: "Waybill", version, description },
    servers: [{ url: publicUrl.origin }],
    security: [{ token: [] }, { session: [] }, {}],
    tags: [
      { name: "runs", description: "What was asked for, and what came of it." },
      { name: "archives", description: "Runs that Prow has left in buckets." },
      { name: "live", description: "Changes as they happen." },
      { name: "jobs", description: "What is done, and when." },
      { name: "production", description: "What production is known to hold, and what was asked of hosts." },
      { name: "queue", description: "What waits, and for what." },
      { name: "access", description: "People, machines, and what they did." },
      { name: "server", description: "The server itself, and what it is told." },
      { name: "webhooks", description: "What forges and registries send." },
    ],
  });
}
