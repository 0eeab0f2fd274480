import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * The settings file to read: the one asked for with `--config`, else `WAYBILL_CONFIG`, else
 * `$XDG_CONFIG_HOME/waybill/waybill.yaml` (`~/.config/waybill/waybill.yaml`) when it exists. Never the working
 * directory: a checkout under review must not decide where credentials go
 * (docs/decisions/0001-settings-are-not-read-from-the-working-directory.md).
 */
export async function findSettings(from: {
  readonly explicit?: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
}): Promise<string | undefined> {
  if (from.explicit !== undefined) return from.explicit;
  const named = from.environment.WAYBILL_CONFIG;
  if (named) return named;
  const file = join(configHome(from.environment), "waybill", "waybill.yaml");
  const exists = await access(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
  );
  return exists ? file : undefined;
}

/** XDG Base Directory Specification: a variable that is empty or relative counts as unset. */
function configHome(environment: NodeJS.ProcessEnv): string {
  const named = environment.XDG_CONFIG_HOME;
  if (named !== undefined && isAbsolute(named)) return named;
  return join(environment.HOME || homedir(), ".config");
}
