import { EventEmitter, once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { layoutOf } from "../../src/registry-server/layout.ts";
import { openRoom } from "../../src/registry-server/room.ts";
import { type Chunk, openSession } from "../../src/registry-server/upload-session.ts";
import { temporaryFolder } from "./client.ts";

const piece = 256 * 1024;
const bytes = Buffer.alloc(2 * piece, "x");

function chunkOf(source: AsyncIterable<Uint8Array>, more: Partial<Chunk> = {}): Chunk {
  return { bytes: source, start: undefined, length: undefined, algorithm: "sha256", abort() {}, ...more };
}

async function* all(content: Uint8Array) {
  yield content;
}

test.each([
  ["that says no range", undefined, true],
  ["that says its range", 3 * piece, true],
  ["that has brought all", undefined, false],
])("a request %s is cut off by a later one, and what it has brought stays", async (_, length, goesOn) => {
  const folder = await temporaryFolder();
  const path = join(folder, "session");
  await writeFile(path, "");
  const room = openRoom(layoutOf(folder), undefined, async () => 0);
  const session = openSession("a.b", path, "somebody", 0, Date.now(), () => {}, room);
  const steps = new EventEmitter();
  const isAsked = once(steps, "asked");
  const more = once(steps, "more");
  async function* slow() {
    yield bytes.subarray(0, piece);
    steps.emit("asked");
    await more;
    if (goesOn) yield bytes.subarray(piece);
  }
  const start = length === undefined ? undefined : 0;
  const first = session.append(chunkOf(slow(), { start, length }));
  await isAsked;
  const later = session.append(chunkOf(all(bytes.subarray(piece)), { start: piece, length: piece }));
  steps.emit("more");
  await expect(first).rejects.toMatchObject({ status: 409 });
  await later;
  expect(session.size).toBe(2 * piece);
  expect(await readFile(path)).toEqual(bytes);
});
