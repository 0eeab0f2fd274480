import { statfs } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { Log } from "./log.ts";

/** Bytes below which a disk is as good as full: what is begun then does not come to its end. */
const leastFree = 64 * 2 ** 20;
/** Milliseconds in which a disk answers. */
const answersWithin = 1_000;

/**
 * Looks whether there is room where a server writes. When that changes, it is logged.
 * @param folders Absolute.
 * @returns Why it can write no more, in one line; `undefined` while it can.
 */
export function watchDisks(folders: readonly string[], log: Log): () => Promise<string | undefined> {
  let told: string | undefined;
  return async () => {
    const [found] = (await Promise.all(folders.map(lackAt))).filter((lack) => lack !== undefined);
    if (found?.folder !== told) {
      if (found === undefined) log("info", "the disk has room again", { folder: told });
      else
        log("error", found.why, {
          folder: found.folder,
          hint: "make room there; nothing is lost until then",
        });
    }
    told = found?.folder;
    return found?.why;
  };
}

async function lackAt(
  folder: string,
): Promise<{ readonly folder: string; readonly why: string } | undefined> {
  const giveUp = new AbortController();
  const late = wait(answersWithin, "late" as const, { signal: giveUp.signal }).catch(() => "late" as const);
  // What is not there yet is made when it is needed.
  const asked = statfs(folder).catch(() => undefined);
  const found = await Promise.race([asked, late]);
  giveUp.abort();
  if (found === "late") return { folder, why: "the disk does not answer" };
  if (found === undefined) return undefined;
  // File systems that know no number of files say that there are none at all.
  const isFull = found.bavail * found.bsize < leastFree || (found.files > 0 && found.ffree === 0);
  return isFull ? { folder, why: "the disk is full" } : undefined;
}
