import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

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
