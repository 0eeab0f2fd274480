import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isKnownToHaveEnded, processMark } from "../process/index.ts";
import { watchFolder } from "./watchdog.ts";

/** Where one build works: everything in it is gone when the build is over. */
export interface BuildFolder {
  readonly path: string;
  /** `/workspace` of the steps. */
  readonly workspace: string;
  /** `/builder/home` of the steps. */
  readonly home: string;
  /** `/builder/outputs` of the steps. */
  readonly outputs: string;
  /** For the engine. */
  readonly engine: string;
  /** A folder for a volume that steps share. */
  volume(name: string): Promise<string>;
  /** An empty folder. */
  scratch(): Promise<string>;
  /** Rejects where that is not allowed: of what a container has left, some may belong to others. */
  remove(): Promise<void>;
}

const prefix = "waybill-build-";

/** Makes the folder of a build, and removes those of builds whose processes were killed. */
export async function openBuildFolder(): Promise<BuildFolder> {
  await removeAbandoned();
  const path = await mkdtemp(join(tmpdir(), `${prefix}${processMark()}-`));
  watchFolder("made", path);
  const inside = async (name: string): Promise<string> => {
    const folder = join(path, name);
    await mkdir(folder, { recursive: true });
    return folder;
  };
  const [workspace, home, outputs, engine] = await Promise.all(
    ["workspace", "home", "outputs", "engine"].map(inside) as [
      Promise<string>,
      Promise<string>,
      Promise<string>,
      Promise<string>,
    ],
  );
  let scratches = 0;
  return {
    path,
    workspace,
    home,
    outputs,
    engine,
    volume: (name) => inside(join("volumes", name)),
    scratch: () => {
      scratches += 1;
      return inside(join("scratch", String(scratches)));
    },
    async remove() {
      await removeFolder(path);
      watchFolder("gone", path);
    },
  };
}

async function removeAbandoned(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  const abandoned = names.filter(
    (name) => name.startsWith(prefix) && isKnownToHaveEnded(name.slice(prefix.length)),
  );
  await Promise.all(abandoned.map((name) => removeFolder(join(tmpdir(), name)).catch(() => undefined)));
}

/** Images and module caches hold folders that not even their owner may write, and so not empty. */
async function removeFolder(path: string): Promise<void> {
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 });
  await remove().catch(async () => {
    await makeWritable(path);
    await remove();
  });
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700).catch(() => undefined);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}
