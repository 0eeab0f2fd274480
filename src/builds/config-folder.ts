import { realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { errorCodeOf } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { readTextFileOf } from "../manifest/index.ts";
import { BuildError } from "./errors.ts";
import type { BuildRequest } from "./model.ts";

/** The paths of a build, absolute; folders without links, as Git tells where they are. */
export interface BuildPaths {
  readonly configDir: string;
  /** The build file; it need not exist. */
  readonly config: string;
  readonly buildDir: string;
}

/**
 * Where the files of a build are, by image-builder's rules: the build file stands in the config folder, or below it; what is
 * built is the config folder unless another one is named.
 * @throws {BuildError} `config-missing` in image-builder's words.
 */
export async function findBuildPaths(request: BuildRequest): Promise<BuildPaths> {
  const named = resolve(request.configDir);
  const kind = await kindOf(named);
  if (kind === undefined) {
    throw new BuildError("config-missing", `Config directory (${request.configDir}) does not exist`);
  }
  if (kind !== "folder") {
    const message = `Config directory (${request.configDir}) is not actually a directory`;
    throw new BuildError("config-missing", message, {
      hint: "name the folder; --gcb-config names the file in it",
    });
  }
  const configDir = await realpath(named);
  const config = join(configDir, request.configFile ?? "cloudbuild.yaml");
  if ((await kindOf(config)) !== "file") {
    throw new BuildError("config-missing", `${config} does not exist`, {
      hint: "--gcb-config names the build file, from the config folder on",
    });
  }
  const buildDir = request.buildDir === undefined ? configDir : resolve(request.buildDir);
  if ((await kindOf(buildDir)) !== "folder") {
    throw new BuildError("config-missing", `the build directory (${request.buildDir}) is no folder`);
  }
  return { configDir, config, buildDir: await realpath(buildDir) };
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch (cause) {
    const code = errorCodeOf(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BuildError("config-unreadable", `it cannot be read: ${messageOf(cause)}`, {
      where: path,
      cause,
    });
  }
}

/**
 * The text of a file of a build; `undefined` when there is none.
 * @throws {BuildError} `config-unreadable`.
 */
export async function readBuildText(file: string): Promise<string | undefined> {
  const text = await readTextFileOf(file);
  if (typeof text === "string") return text;
  if (text.isMissing) return undefined;
  throw new BuildError("config-unreadable", text.message, { where: file, hint: text.hint });
}
