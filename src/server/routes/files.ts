import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import type { StoredRun } from "../../store/index.ts";
import { demand } from "../acts.ts";
import type { Asking, Env } from "../context.ts";
import { ServerError } from "../errors.ts";
import type { ServerParts } from "../model.ts";
import { failures } from "../responses.ts";
import { idInPath, runIdSchema } from "../schemas.ts";

const tags = ["runs"];
const id = runIdSchema;

/** Bytes of a log that are given to one request for a part of it. */
const maxPart = 4 * 1024 * 1024;

/** The routes of a run's log and its artifacts, which are no JSON of ours. */
export function addFiles(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { runs } = parts;
  const text = { schema: z.string() };

  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/runs/{id}/log",
    tags,
    summary: "The log of a run, or a part of it, as far as it is written",
    request: {
      params: z.object({ id }),
      headers: z.object({
        range: z
          .string()
          .optional()
          .openapi({ example: "bytes=65536-", description: "From an offset on; 4 MiB at most are given." }),
      }),
    },
    responses: {
      200: { description: "All of it.", content: { "text/plain": text } },
      206: { description: "The part.", content: { "text/plain": text } },
      416: { description: "Nothing is there yet, or any more." },
      ...failures,
    },
  });
  api.get(`/runs/${idInPath}/log`, async (c) => {
    demand(c, parts, "read");
    return answerLog(c, await runs.find(c.req.param("id") ?? ""));
  });

  const addArtifact = (path: string, summary: string, nameOf: (c: Asking) => string) => {
    const inPath = { id, ...(path.includes("{path}") ? { path: z.string() } : {}) };
    api.openAPIRegistry.registerPath({
      ...{ method: "get", path, tags, summary },
      request: { params: z.object(inPath) },
      responses: {
        200: {
          description: "Its bytes.",
          content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } },
        },
        ...failures,
      },
    });
    api.get(path.replace("{id}", idInPath).replace("{path}", ":path{.+}"), async (c) => {
      demand(c, parts, "read");
      const stored = await runs.find(c.req.param("id") ?? "");
      return answerArtifact(c, stored, nameOf(c));
    });
  };
  addArtifact("/runs/{id}/plan", "The plan of a run, as waybill plan saves it", () => "plan.json");
  addArtifact("/runs/{id}/artifacts/{path}", "A file that a run has left", (c) => c.req.param("path") ?? "");
}

/** The log of a run, or the part of it that a range asks for. */
export async function answerLog(c: Asking, stored: StoredRun): Promise<Response> {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "accept-ranges": "bytes",
  };
  const range = /^bytes=([0-9]{1,15})-([0-9]{1,15})?$/.exec(c.req.header("range") ?? "");
  if (range === null) return c.body(ReadableStream.from(stored.log()), 200, headers);
  const [from, to] = [Number(range[1]), Number(range[2] ?? Number.MAX_SAFE_INTEGER)];
  const { bytes, isAll } = await partOf(stored.log(from), Math.min(maxPart, to - from + 1));
  if (bytes.length === 0) return c.body(null, 416, headers);
  const isOver = isAll && stored.record.finishedAt !== undefined;
  const total = isOver ? from + bytes.length : "*";
  const part = { ...headers, "content-range": `bytes ${from}-${from + bytes.length - 1}/${total}` };
  return c.body(bytes, 206, part);
}

/** A file that a run has left, to be kept. @throws {ServerError} `unknown-artifact`. */
export async function answerArtifact(c: Asking, stored: StoredRun, name: string): Promise<Response> {
  const isName = !/\p{Cc}/u.test(name);
  const content = isName ? await stored.artifact(name) : undefined;
  if (content === undefined) {
    throw new ServerError("unknown-artifact", "the run has no such file", {
      hint: "see what it has left: the run itself says so",
    });
  }
  // What a run has written may be a page with scripts in it: it is never shown as one of this server's.
  return c.body(ReadableStream.from(content), 200, {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name.split("/").at(-1) ?? "")}`,
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "no-store",
  });
}

/** The beginning of a stream, and whether that is all of it. */
async function partOf(
  content: AsyncIterable<Uint8Array>,
  most: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly isAll: boolean }> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  let isAll = true;
  for await (const piece of content) {
    if (length + piece.length > most) {
      pieces.push(piece.subarray(0, most - length));
      isAll = false;
      break;
    }
    pieces.push(piece);
    length += piece.length;
  }
  return { bytes: new Uint8Array(Buffer.concat(pieces)), isAll };
}
