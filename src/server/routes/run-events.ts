import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { eventsArtifact } from "../../store/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import { addList } from "../lists/list.ts";
import { afterNumber } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { runIdSchema, wordsSchema } from "../schemas.ts";
import { storedRun } from "./runs.ts";

/** Bytes of an event; a longer one is left out. */
const maxEvent = 1024 * 1024;

const eventSchema = z
  .object({
    number: z.int().openapi({ description: "Counted from 1, in the order in which they were told." }),
    at: z.string(),
    type: z.string(),
    event: z.looseObject({}).openapi({ description: "All of it, as the record has it." }),
  })
  .openapi("RunEvent");

/** Something that happened in a run, as the API has it. */
export type RunEventDocument = z.infer<typeof eventSchema>;

const lineSchema = z.looseObject({ at: z.string(), type: z.string() });

/** The list of what happened in a run. */
export function addRunEvents(api: OpenAPIHono<Env>, parts: ServerParts): void {
  addList(api, {
    ...{ path: "/runs/{id}/events", tag: "runs", item: eventSchema, params: { id: runIdSchema } },
    summary: "What happened in a run, as far as it is told by now",
    filters: { type: wordsSchema(64).optional(), after: afterNumber },
    async read(c, { type, after, limit }, { id }) {
      demand(c, parts, "read");
      const stored = await storedRun(parts, (await parts.queue.read(id)).id);
      const content = await stored?.artifact(eventsArtifact);
      const items: RunEventDocument[] = [];
      let number = 0;
      for await (const line of linesOf(content)) {
        const event = eventOf(line);
        if (event === undefined) continue;
        number += 1;
        if (number <= Number(after ?? 0) || (type !== undefined && !type.includes(event.type))) continue;
        if (items.length === limit) return { items, next: String(items.at(-1)?.number ?? 0) };
        const { at, type: is, ...rest } = event;
        items.push({ number, at, type: is, event: rest });
      }
      return { items };
    },
  });
}

/** The first line of a record says what it is, and is no event; of one that is being written, the last may be a part. */
function eventOf(line: string): z.infer<typeof lineSchema> | undefined {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return undefined;
  }
  return lineSchema.safeParse(document).data;
}

async function* linesOf(content: AsyncIterable<Uint8Array> | undefined): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let kept = "";
  let isTooLong = false;
  for await (const bytes of content ?? []) {
    const lines = `${kept}${decoder.decode(bytes, { stream: true })}`.split("\n");
    kept = lines.pop() ?? "";
    for (const line of lines) {
      if (!isTooLong) yield line;
      isTooLong = false;
    }
    if (kept.length <= maxEvent) continue;
    kept = "";
    isTooLong = true;
  }
  if (kept !== "" && !isTooLong) yield kept;
}
