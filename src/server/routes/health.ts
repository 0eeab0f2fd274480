import { setTimeout as wait } from "node:timers/promises";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import type { ServerParts } from "../model.ts";

/** Milliseconds in which the database of a server that is ready answers. */
const databaseWithin = 1_000;

/**
 * `/metrics`: for whoever may read; it names jobs and hosts. `/healthz`: the process is alive; it asks nobody, or an outage of the database would have all servers restarted. `/readyz`: it may
 * be given requests.
 */
export function addHealth(app: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, whyUnready, onProblem, metrics } = parts;
  app.get("/healthz", (c) => c.text("ok\n"));
  app.get("/readyz", async (c) => {
    const why = await whyUnready();
    if (why !== undefined) return c.text(`${why}\n`, 503);
    const giveUp = new AbortController();
    const answered = db.query("SELECT 1").then(
      () => "yes" as const,
      (error: unknown) => {
        onProblem(error, c.get("requestId"));
        return "no" as const;
      },
    );
    const late = wait(databaseWithin, "late" as const, { signal: giveUp.signal }).catch(
      () => "late" as const,
    );
    const result = await Promise.race([answered, late]);
    giveUp.abort();
    return result === "yes" ? c.text("ok\n") : c.text("the database does not answer\n", 503);
  });
  if (metrics === undefined) return;
  app.get("/metrics", async (c) => {
    demand(c, parts, "read");
    const { type, text } = await metrics.read();
    return c.body(text, 200, { "content-type": type });
  });
}
