import { isUtf8 } from "node:buffer";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { SettingsError } from "./errors.ts";
import { defaultSettings, type Settings } from "./model.ts";

const maxFileBytes = 1024 * 1024;

/**
 * The settings of a `waybill.yaml`; the defaults when no file is named. Relative paths in the file start from its folder.
 * @throws {SettingsError} `settings-unreadable`, or `settings-invalid` with everything that is wrong, at its place.
 */
export async function readSettings(file?: string): Promise<Settings> {
  if (file === undefined) return defaultSettings;
  const text = await readText(file);
  // Most have no settings, and need nothing of what reads them.
  const { parseSettings } = await import("./parse.ts");
  return parseSettings(text, file);
}

async function readText(file: string): Promise<string> {
  const unreadable = (message: string, cause?: unknown) =>
    new SettingsError("settings-unreadable", message, { where: file, cause });
  const { bytes } = await readNamed(file, maxFileBytes).catch((cause: unknown) => {
    const code = errorCodeOf(cause);
    if (code === "ENOENT") throw unreadable("the settings file does not exist", cause);
    if (code === "EFBIG") throw unreadable(`the settings file has more than ${maxFileBytes} bytes`, cause);
    throw unreadable(`the settings file cannot be read: ${messageOf(cause)}`, cause);
  });
  if (!isUtf8(bytes)) throw unreadable("the settings file is not UTF-8");
  return new TextDecoder().decode(bytes);
}

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
