import { Readable } from "node:stream";
import { type Answer, drain, headerOf, type StreamedAnswer } from "../http/index.ts";
import type { ListedObject, ObjectRange, StoredObject } from "./model.ts";
import type { ObjectWire } from "./wire.ts";
import { firstIn } from "./xml.ts";

/** The header that asks for a part of an object (RFC 9110, section 14.2). */
export function rangeHeader(range: ObjectRange | undefined): Readonly<Record<string, string>> {
  if (range === undefined) return {};
  const { from, to } = range;
  return { range: `bytes=${from}-${to === undefined ? "" : Math.max(from, to - 1)}` };
}

/** Whether an answer says that there is no such object. That there is no such bucket is something else. */
export function isAbsent({ status, bytes }: Answer): boolean {
  return status === 404 && firstIn(Buffer.from(bytes).toString("utf8"), "Code") !== "NoSuchBucket";
}

/** The object that an answer brings, cut to the part that was asked for. */
export async function objectIn(
  answer: Answer | StreamedAnswer,
  range: ObjectRange = { from: 0 },
  wire: Pick<ObjectWire, "refusal" | "brokenOff">,
): Promise<StoredObject | undefined> {
  const [, start = "0", whole] =
    /^bytes (?:(\d+)-\d+|\*)\/(\d+)/.exec(headerOf(answer, "content-range") ?? "") ?? [];
  if ("bytes" in answer) {
    if (isAbsent(answer)) return undefined;
    if (answer.status === 416) {
      const said = whole ?? firstIn(Buffer.from(answer.bytes).toString("utf8"), "ActualObjectSize");
      return { size: Number(said ?? range.from), body: Readable.from([]) };
    }
    throw wire.refusal(answer);
  }
  const isPart = answer.status === 206;
  const size = Number(isPart ? whole : headerOf(answer, "content-length"));
  if (!Number.isSafeInteger(size)) {
    await drain(answer);
    throw wire.brokenOff(new Error("its length is not said"));
  }
  const { from, to = size } = range;
  const skipped = from - (isPart ? Number(start) : 0);
  return { size, body: partOf(answer.body, skipped, Math.max(0, to - from), wire) };
}

async function* partOf(
  body: Readable,
  skipped: number,
  length: number,
  { brokenOff }: Pick<ObjectWire, "brokenOff">,
): AsyncGenerator<Uint8Array, void> {
  let at = 0;
  const end = skipped + length;
  try {
    for await (const bytes of body as AsyncIterable<Uint8Array>) {
      const piece = bytes.subarray(Math.max(0, skipped - at), Math.max(0, end - at));
      at += bytes.length;
      if (piece.length > 0) yield piece;
      if (at >= end) return;
    }
  } catch (error) {
    throw brokenOff(error);
  }
}

/** What a page lists, objects and folders, in the order of paths. */
export function inOrder(listed: readonly ListedObject[]): readonly ListedObject[] {
  return listed.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
