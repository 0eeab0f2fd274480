import module from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * Lets Node keep what it has compiled of this program, where it can (22.8 and later): it is most of what a short command takes.
 * It is kept where only this user writes, for who can change it decides what runs; `NODE_COMPILE_CACHE` and
 * `NODE_DISABLE_COMPILE_CACHE` hold as for any program. Where nothing can be kept, all is compiled anew.
 */
export function keepCompiled(): void {
  const { XDG_CACHE_HOME: named = "", NODE_COMPILE_CACHE: chosen } = process.env;
  const { enableCompileCache } = module as { enableCompileCache?: (folder: string) => unknown };
  if (chosen !== undefined || enableCompileCache === undefined) return;
  const folder = isAbsolute(named) ? named : join(homedir(), ".cache");
  if (isAbsolute(folder)) enableCompileCache(join(folder, "waybill", "compiled"));
}
