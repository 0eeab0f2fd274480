import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { type FoundInHistory, type FoundType, findInHistory, foundTypes } from "../../history/index.ts";
import { type QueuedRun, QueueError } from "../../queue/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import { addList, type ListPage } from "../lists/list.ts";
import { pageOfNamed, pageOfRows } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { lineSchema, timeSchema } from "../schemas.ts";

const types = ["run", "job", ...foundTypes] as const;

type HitType = (typeof types)[number];

const hitSchema = z
  .object({
    type: z.enum(types),
    name: z.string().openapi({ description: "What it is called; of its type, no other has that name." }),
    isExact: z.boolean().openapi({ description: "It is what was looked for, not only like it." }),
    image: z.string().optional(),
    tag: z.string().optional(),
    digest: z.string().optional(),
    run: z.string().optional(),
    job: z.string().optional(),
    url: z.string().optional().openapi({ description: "Of a pull request." }),
    title: z.string().optional(),
    at: timeSchema.optional(),
  })
  .openapi("Hit");

/** Something that fits what was looked for. */
export type HitDocument = z.infer<typeof hitSchema>;

/** Hits of each type where all types are looked through. */
const ofEachType = 10;

/** The route of the search. */
export function addSearch(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, queue, jobs } = parts;

  /** A page of the hits of one type; `next` is a name. */
  const hitsOf = async (
    type: HitType,
    {
      text,
      limit,
      after,
    }: { readonly text: string; readonly limit: number; readonly after?: string | undefined },
  ): Promise<ListPage<HitDocument>> => {
    if (type === "job") {
      const found = jobs.current().jobs.map(({ job }) => ({
        ...{ type, name: job.name, job: job.name, isExact: job.name === text },
      }));
      const fitting = found.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()));
      return pageOfNamed<HitDocument>(fitting, { after, limit }, ({ name }) => name);
    }
    if (type === "run") {
      if (after === undefined && /^[0-9]{10,20}$/.test(text)) {
        const [run] = await runOf(text);
        return { items: run === undefined ? [] : [hitOfRun(run, text)] };
      }
      const search = searchable(text);
      if (search === undefined) return { items: [] };
      const { runs, next } = await queue.list({ search, limit, after });
      return { items: runs.map((run) => hitOfRun(run, text)), next };
    }
    const rows = await findInHistory(db, type, { text, limit, after });
    return pageOfRows(
      rows,
      limit,
      ({ name }) => name,
      (row) => hitOfHistory(type, row, text),
    );
  };
  const runOf = async (id: string): Promise<readonly QueuedRun[]> => {
    try {
      return [await queue.read(id)];
    } catch (error) {
      // Of what cannot be read nobody says that it is not there.
      if (error instanceof QueueError && error.code === "unknown-run") return [];
      throw error;
    }
  };

  addList(api, {
    ...{ path: "/search", tag: "images", item: hitSchema, params: {} },
    summary: "What fits a text: a run, job, image, tag, digest, commit, pull request or project",
    filters: {
      q: lineSchema(500).openapi({
        description: "A name or a part of one; of digests and commits their first digits, seven at least.",
      }),
      type: z.enum(types).optional().openapi({ description: "Only hits of this type, by pages." }),
      after: lineSchema(800).optional().openapi({ description: "What `next` of the page before says." }),
    },
    async read(c, { q, type, limit, after }) {
      demand(c, parts, "read");
      const text = q.trim();
      if (text === "") return { items: [] };
      if (type !== undefined) return hitsOf(type, { text, limit, after });
      const pages = await Promise.all(types.map((each) => hitsOf(each, { text, limit: ofEachType })));
      const hits = pages.flatMap(({ items }) => items);
      const ordered = [...hits.filter(({ isExact }) => isExact), ...hits.filter(({ isExact }) => !isExact)];
      return { items: ordered.slice(0, limit) };
    },
  });
}

/** What of a text runs are searched for; `undefined` for what would find any of them. */
function searchable(text: string): string | undefined {
  const words = text.slice(0, 200);
  return /[\p{L}\p{N}]{2}/u.test(words) ? words : undefined;
}

function hitOfRun({ id, job, details, askedAt }: QueuedRun, text: string): HitDocument {
  return {
    ...{ type: "run", name: id, isExact: id === text, run: id, job },
    ...{ title: details?.summary, at: askedAt.toISOString() },
  };
}

function hitOfHistory(type: FoundType, row: FoundInHistory, text: string): HitDocument {
  const { name, image, tag, digest, run, at, title } = row;
  return {
    ...{ type, name, image, tag, digest, run, title, isExact: isExact(row, text) },
    ...(type === "pull" ? { url: name } : {}),
    at: at?.toISOString(),
  };
}

function isExact({ type, name, image, tag, digest }: FoundInHistory, text: string): boolean {
  const lower = text.toLowerCase();
  switch (type) {
    case "image":
      return image === text || image?.split("/").at(-1) === text;
    case "tag":
      return tag === text || name === text || /[/:]/.test(text);
    case "digest":
      return digest === lower || text.includes("@");
    case "commit":
      return name === lower;
    case "pull":
      return true;
    case "project":
      return name === text;
  }
}
