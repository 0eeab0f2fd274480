import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/**
 * The path of a program, as the `PATH` of an environment finds it: only in folders with an absolute path, so that a file in the
 * working directory is never run. `undefined` when there is none.
 */
export async function findExecutable(
  program: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const file = process.platform === "win32" ? `${program}.exe` : program;
  for (const folder of (environment.PATH ?? "").split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, file);
    const runs = await Promise.all([stat(path), access(path, constants.X_OK)]).then(
      ([found]) => found.isFile(),
      () => false,
    );
    if (runs) return path;
  }
  return undefined;
}
