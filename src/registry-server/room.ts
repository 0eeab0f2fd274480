import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../disk/index.ts";
import type { Layout } from "./layout.ts";
import { Refusal } from "./refusal.ts";

/** How much the registry may hold. Bytes that several repositories share count once. */
export type Room = ReturnType<typeof openRoom>;

/** How much longer than a look takes the next one waits at least. */
const restAfterLook = 10;

/**
 * A {@link Room} of a registry's folder; one without a limit counts nothing. What others write there, and what is deleted,
 * shows as soon as the room seems to be full, for then it is looked again.
 * @param makeRoom Gives up what nobody is likely to go on with; answers how much it was.
 */
export function openRoom(layout: Layout, limit: number | undefined, makeRoom: () => Promise<number>) {
  let held = 0;
  let looked = Number.NEGATIVE_INFINITY;
  let took = 0;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const started = performance.now();
    held = await bytesIn(layout);
    looked = performance.now();
    took = looked - started;
  }

  async function refuseBeyond(bytes: number): Promise<void> {
    if (limit === undefined || held + bytes <= limit) return;
    if (bytes > limit) throw full(limit, 413);
    if (performance.now() - looked > took * restAfterLook) {
      looking ??= makeRoom()
        .then(look)
        .finally(() => {
          looking = undefined;
        });
    }
    await looking;
    if (held + bytes > limit) throw full(limit, 507);
  }

  return {
    /** Counts bytes that are about to be written. @throws {Refusal} when there is no room for them. */
    async take(bytes: number): Promise<void> {
      await refuseBeyond(bytes);
      held += bytes;
    },
    /** Whether there would be room for them, before they are sent. @throws {Refusal} */
    expect: refuseBeyond,
    async measure(): Promise<void> {
      if (limit !== undefined) await look();
    },
  };
}

function full(limit: number, status: number): Refusal {
  const message = `this registry holds no more than ${limit} bytes (--max-size): delete images, then run waybill registry gc DIR`;
  return new Refusal("DENIED", message, { status });
}

async function bytesIn({ blobs, uploads, repositories }: Layout): Promise<number> {
  let bytes = 0;
  for (const folder of [blobs, uploads, repositories]) {
    for await (const path of filesBelow(folder)) bytes += (await ifPresent(stat(path)))?.size ?? 0;
  }
  return bytes;
}

/** What is below a folder. Not the blobs of a repository: they are those of all, under another name. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  for (const entry of (await ifPresent(readdir(folder, { withFileTypes: true }))) ?? []) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) yield path;
    else if (entry.name !== "_blobs" && entry.name !== "_aside") yield* filesBelow(path);
  }
}
