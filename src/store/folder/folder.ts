import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import type { RunStore, StoredRun } from "../model.ts";
import { checkJobName, placeOfRun } from "../prow/places.ts";
import { recordFiles } from "../prow/record.ts";
import { isFolder, openRecord } from "./files.ts";
import { findRun } from "./find.ts";
import { listRuns } from "./list.ts";
import { readRun } from "./read-run.ts";
import { startRun } from "./start.ts";

/**
 * The runs in a folder, in the layout of Prow's bucket. It is made when the first run begins.
 * @param folder {@link defaultDataFolder} when left out.
 */
export function openRunFolder(folder: string = defaultDataFolder(process.env)): RunStore {
  const store = resolve(folder);
  return {
    where: store,
    async start(request) {
      checkJobName(request.job);
      // Refs that make no folder are refused before anything is written.
      placeOfRun(request, "0");
      return startRun(store, request, request.now ?? (() => new Date()));
    },
    find: async (name) => storedRun(await findRun(store, name)),
    list: (query) => listRuns(store, query),
  };
}

/**
 * The folder that runs are recorded in when nobody names one: `$WAYBILL_DATA`, else `waybill` in `$XDG_DATA_HOME`, else
 * `~/.local/share/waybill`. Records are in the folder itself, images that builds push in its folder `registry`.
 */
export function defaultDataFolder(environment: NodeJS.ProcessEnv): string {
  const { WAYBILL_DATA: named, XDG_DATA_HOME: data, HOME: home } = environment;
  if (named !== undefined && named !== "") return resolve(named);
  // The specification of these variables says that a relative path is to be ignored.
  const base = data !== undefined && isAbsolute(data) ? data : join(home || homedir(), ".local", "share");
  return join(base, "waybill");
}

const maxArtifacts = 10_000;

async function storedRun(folder: string): Promise<StoredRun> {
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
