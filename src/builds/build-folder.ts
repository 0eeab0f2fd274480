import { join } from "node:path";
import { makeFolder, makeTemporaryFolder, removeTree } from "../disk/index.ts";
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
  readonly engine: string;
  /** A folder for a volume that steps share. */
  volume(name: string): Promise<string>;
  scratch(): Promise<string>;
  /** Rejects where that is not allowed: of what a container has left, some may belong to others. */
  remove(): Promise<void>;
}

/** Makes the folder of a build, and removes those of builds whose processes were killed. */
export async function openBuildFolder(): Promise<BuildFolder> {
  const path = await makeTemporaryFolder("waybill-build");
  watchFolder("made", path);
  const inside = async (name: string): Promise<string> => {
    const folder = join(path, name);
    await makeFolder(folder);
    return folder;
  };
  let scratches = 0;
  return {
    path,
    workspace: await inside("workspace"),
    home: await inside("home"),
    outputs: await inside("outputs"),
    engine: await inside("engine"),
    volume: (name) => inside(join("volumes", name)),
    scratch: () => {
      scratches += 1;
      return inside(join("scratch", String(scratches)));
    },
    async remove() {
      await removeTree(path);
      watchFolder("gone", path);
    },
  };
}
