import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { join, posix, relative, resolve, sep } from "node:path";
import { readRegular } from "../../../disk/index.ts";
import { BuildError } from "../../errors.ts";

/** Something that goes into a layer. */
export type LayerEntry =
  | { readonly kind: "file"; readonly name: string; readonly mode: number; readonly bytes: Buffer }
  | { readonly kind: "folder"; readonly name: string; readonly mode: number }
  | { readonly kind: "link"; readonly name: string; readonly target: string };

/** Bytes of all files of a build: they are in memory until they are packed. */
const maxBytes = 256 * 1024 * 1024;

/** Reads files of one build; all of them together are bounded. */
export interface ContextReader {
  /** What `COPY source… target` brings, by paths in the image without a slash before them. */
  read(sources: readonly string[], target: string, mode: number | undefined): Promise<readonly LayerEntry[]>;
}

/** @param context The folder that is built from: nothing outside it is read, wherever its links lead. */
export function openContext(context: string): ContextReader {
  let left = maxBytes;
  const taken = new Map<string, Buffer>();

  const fileAt = async (path: string): Promise<Buffer> => {
    const known = taken.get(path);
    if (known !== undefined) return known;
    const bytes = await readRegular(path, left);
    left -= bytes.length;
    taken.set(path, bytes);
    return bytes;
  };

  const entriesOf = async (
    path: string,
    name: string,
    mode: number | undefined,
  ): Promise<readonly LayerEntry[]> => {
    const found = await lstat(path);
    const own = mode ?? found.mode & 0o777;
    if (found.isSymbolicLink()) return [{ kind: "link", name, target: await readlink(path) }];
    if (found.isFile()) return [{ kind: "file", name, mode: own, bytes: await fileAt(path) }];
    if (!found.isDirectory()) throw failed(`${name} is neither a file nor a folder`);
    const below: LayerEntry[] = name === "" ? [] : [{ kind: "folder", name, mode: own }];
    for (const child of (await readdir(path)).sort()) {
      below.push(...(await entriesOf(join(path, child), posix.join(name, child), mode)));
    }
    return below;
  };

  return {
    async read(sources, target, mode) {
      const root = await realpath(context);
      const entries: LayerEntry[] = [];
      const isFolder = target.endsWith("/") || sources.length > 1;
      const place = posix.normalize(`/${target}`).replace(/^\/+|\/+$/g, "");
      for (const source of sources) {
        const path = await realpath(resolve(root, `.${posix.normalize(`/${source}`)}`)).catch(
          () => undefined,
        );
        if (path === undefined) throw failed(`there is no ${source} in the folder that is built from`);
        const inside = relative(root, path);
        if (inside === ".." || inside.startsWith(`..${sep}`))
          throw failed(`${source} leads out of the folder`);
        const isWhole = (await lstat(path)).isDirectory();
        const name = isFolder && !isWhole ? posix.join(place, posix.basename(source)) : place;
        if (name === "" && !isWhole) throw failed(`${source} would be the root itself`);
        entries.push(...(await entriesOf(path, name, mode)));
      }
      return entries;
    },
  };
}

function failed(message: string): BuildError {
  return new BuildError("engine-failed", message, {
    hint: "COPY names files of the folder that is built from, and where in the image they go",
  });
}
