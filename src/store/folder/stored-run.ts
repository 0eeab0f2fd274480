import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { StoredRun } from "../model.ts";
import { isFolder, openRecord } from "./files.ts";
import { readRun, recordFiles } from "./read-run.ts";

const maxArtifacts = 10_000;

/** The run in a folder. */
export async function storedRun(folder: string): Promise<StoredRun> {
  const kept = join(folder, recordFiles.artifacts);
  return {
    record: await readRun(folder),
    async *log(from = 0) {
      const bytes = await bytesOf(join(folder, recordFiles.log), from);
      if (bytes !== undefined) yield* bytes;
    },
    async artifacts() {
      const found: string[] = [];
      const collect = async (path: string): Promise<void> => {
        for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
          if (found.length >= maxArtifacts) return;
          const inner = join(path, entry.name);
          if (entry.isDirectory()) await collect(inner);
          else if (entry.isFile()) found.push(relative(kept, inner).split(sep).join("/"));
        }
      };
      if (await isFolder(kept)) await collect(kept);
      return found.sort();
    },
    async artifact(path) {
      const steps = path.split("/");
      if (steps.some((step) => step === "" || step === "." || step === "..")) return undefined;
      // No link on the way leads out of the record.
      for (let depth = 0; depth < steps.length; depth += 1) {
        if (!(await isFolder(join(kept, ...steps.slice(0, depth))))) return undefined;
      }
      return bytesOf(join(kept, ...steps), 0);
    },
  };
}

async function bytesOf(path: string, start: number): Promise<AsyncIterable<Uint8Array> | undefined> {
  return (await openRecord(path))?.createReadStream({ start });
}
