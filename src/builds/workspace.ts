import { chmod, realpath, writeFile } from "node:fs/promises";
import { dirname, join, posix, relative, sep } from "node:path";
import type { ResolvedStep } from "../cloudbuild/index.ts";
import { makeFolder } from "../disk/index.ts";
import type { BuildFolder } from "./build-folder.ts";
import type { ContainerRun, EngineAction } from "./engine.ts";
import { BuildError } from "./errors.ts";

export const workspacePath = "/workspace";

/** Paths of containers, as this machine has them. */
export interface Workspace {
  readonly source: string;
  /** What that is a copy of: the folder that people know. */
  readonly original: string;
  readonly folder: BuildFolder;
  /** More variables that every container has. */
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: ReadonlyMap<string, string>;
}

/**
 * A native action with the paths of this machine, links followed. On Cloud Build a link that leads out of the workspace
 * leads to files of a container; here they would be those of this machine.
 * @throws {BuildError} `source-unreadable` for one that leads out.
 */
export async function onThisMachine(
  action: Exclude<EngineAction, ContainerRun>,
  { source, original }: Pick<Workspace, "source" | "original">,
): Promise<EngineAction> {
  if (action.kind !== "build") return action;
  const top = await realpath(source);
  const outside = async (path: string): Promise<string> => {
    const plain = join(top, posix.relative(workspacePath, path));
    // What is not there the engine tells, with its place.
    const real = await realpath(plain).catch(() => plain);
    if (isWithin(top, real)) return real;
    throw new BuildError("source-unreadable", `${path} is a link that leads out of the workspace`, {
      hint: "copy what the build needs into the folder that is built from",
    });
  };
  const [context, dockerfile] = await Promise.all([outside(action.context), outside(action.dockerfile)]);
  const inOriginal = (path: string): string => join(original, posix.relative(workspacePath, path));
  const known = { context: inOriginal(action.context), dockerfile: inOriginal(action.dockerfile) };
  return { ...action, context, dockerfile, known };
}

function isWithin(top: string, path: string): boolean {
  return relative(top, path).split(sep)[0] !== "..";
}

/** A step as a container: with the folders and variables that Cloud Build gives to every step. */
export async function containerOf(step: ResolvedStep, workspace: Workspace): Promise<ContainerRun> {
  const { folder, source, secrets } = workspace;
  const volumes = await Promise.all(
    step.volumes.map(async ({ name, path }) => [path, await folder.volume(name)] as const),
  );
  const script = step.script === undefined ? undefined : await writeScript(step.script, step.index, folder);
  const secretEnv = step.secretEnv.flatMap((name) => {
    const value = secrets.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const entrypoint = script === undefined ? step.entrypoint : scriptPlace;
  await makeDirectory(step.dir, source);
  return {
    kind: "run",
    image: step.name,
    entrypoint,
    args: script === undefined ? step.args : [],
    env: {
      HOME: "/builder/home",
      BUILDER_OUTPUT: "/builder/outputs",
      ...workspace.env,
      ...step.env,
      ...Object.fromEntries(secretEnv),
    },
    secretEnv: secretEnv.map(([name]) => name),
    dir: step.dir,
    mounts: {
      [workspacePath]: source,
      "/builder/home": folder.home,
      "/builder/outputs": folder.outputs,
      ...Object.fromEntries(volumes),
      ...(script === undefined ? {} : { [scriptPlace]: script }),
    },
  };
}

/** Makes the folder of a step that is not there yet, as Docker does; where links lead out of the workspace, nothing. */
async function makeDirectory(dir: string, source: string): Promise<void> {
  const way = posix.relative(workspacePath, dir);
  if (way === "" || way.split("/")[0] === "..") return;
  const [top, above] = await Promise.all([realpath(source), deepestFolder(join(source, way))]);
  // What stands in its way is for the engine to tell.
  if (isWithin(top, above)) await makeFolder(join(source, way)).catch(() => undefined);
}

async function deepestFolder(path: string): Promise<string> {
  return (await realpath(path).catch(() => undefined)) ?? (await deepestFolder(dirname(path)));
}

const scriptPlace = "/builder/script";

async function writeScript(script: string, index: number, folder: BuildFolder): Promise<string> {
  const file = join(folder.path, `script-${index}`);
  await writeFile(file, script.startsWith("#!") ? script : `#!/bin/sh\n${script}`);
  await chmod(file, 0o755);
  return file;
}
