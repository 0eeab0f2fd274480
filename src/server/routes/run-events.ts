import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import { addList } from "../lists/list.ts";
import type { ServerParts } from "../model.ts";
import { runIdSchema, wordsSchema } from "../schemas.ts";
import { storedRun } from "./runs.ts";

/** Bytes of an event; a longer one is left out. */
const maxEvent = 1024 * 1024;
/** Bytes of events that are looked through at a time. */
const maxRead = 4 * 1024 * 1024;
const newline = 10;

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

/** Where a page goes on: behind so many events, and so many bytes. */
interface EventPlace {
  readonly number: number;
  readonly offset: number;
}

const afterEvent = z
  .string()
  .regex(/^[0-9]{1,15}\.[0-9]{1,15}$/)
  .transform((text): EventPlace => {
    const [number = 0, offset = 0] = text.split(".").map(Number);
    return { number, offset };
  })
  .optional()
  .openapi({ type: "string", description: "What `next` of the page before says." });

/** The list of what happened in a run. */
export function addRunEvents(api: OpenAPIHono<Env>, parts: ServerParts): void {
  addList(api, {
    ...{ path: "/runs/{id}/events", tag: "runs", item: eventSchema, params: { id: runIdSchema } },
    summary: "What happened in a run, as far as it is told by now",
    filters: { type: wordsSchema(64).optional(), after: afterEvent },
    async read(c, { type, after, limit }, { id }) {
      demand(c, parts, "read");
      const stored = await storedRun(parts, (await parts.queue.read(id)).id);
      const items: RunEventDocument[] = [];
      const begin = after?.offset ?? 0;
      let { number, offset }: EventPlace = after ?? { number: 0, offset: 0 };
      for await (const { text, end } of linesOf(stored?.events(begin), begin)) {
        const next = `${number}.${offset}`;
        // There may be very many that are not asked for.
        if (offset - begin > maxRead) return { items, next };
        const event = eventOf(text);
        if (event !== undefined) {
          if (type === undefined || type.includes(event.type)) {
            if (items.length === limit) return { items, next };
            const { at, type: is, ...rest } = event;
            items.push({ number: number + 1, at, type: is, event: rest });
          }
          number += 1;
        }
        offset = end;
      }
      return { items };
    },
  });
}

/** The first line of a record says what it is, and is no event; of one that is being written, the last may be a part. */
function eventOf(line: string | undefined): z.infer<typeof lineSchema> | undefined {
  if (line === undefined) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return undefined;
  }
  return lineSchema.safeParse(document).data;
}

interface EventLine {
  /** `undefined` of one that is too long. */
  readonly text: string | undefined;
  /** Where the line after it begins. */
  readonly end: number;
}

async function* linesOf(
  content: AsyncIterable<Uint8Array> | undefined,
  begin: number,
): AsyncGenerator<EventLine, void> {
  const decoder = new TextDecoder();
  let kept: Uint8Array[] = [];
  let length = 0;
  let end = begin;
  const line = (): EventLine => {
    const text = length > maxEvent ? undefined : decoder.decode(Buffer.concat(kept));
    kept = [];
    length = 0;
    return { text, end };
  };
  for await (const bytes of content ?? []) {
    let rest = bytes;
    while (rest.length > 0) {
      const at = rest.indexOf(newline);
      const part = rest.subarray(0, at === -1 ? rest.length : at);
      length += part.length;
      if (length <= maxEvent) kept.push(part);
      else kept = [];
      end += part.length;
      if (at === -1) break;
      end += 1;
      yield line();
      rest = rest.subarray(at + 1);
    }
  }
  if (length > 0) yield line();
}
