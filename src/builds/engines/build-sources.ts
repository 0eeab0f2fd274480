import { lstat, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ImageBuild } from "../engine.ts";
import { BuildError } from "../errors.ts";

/**
 * The Dockerfile of a build, once it and the context are known to be there. Like docker, it takes `dockerfile` where there
 * is no `Dockerfile`. @throws {BuildError} `dockerfile-missing`.
 */
export async function findDockerfile(build: ImageBuild): Promise<string> {
  const { context, dockerfile, known = build } = build;
  if ((await kindOf(context)) !== "folder") {
    throw new BuildError("dockerfile-missing", "there is no such folder to build from", {
      where: known.context,
    });
  }
  if ((await kindOf(dockerfile)) === "file") return dockerfile;
  const lower = join(dirname(dockerfile), "dockerfile");
  // Nobody has looked yet where this one would lead if it were a link.
  if (basename(dockerfile) === "Dockerfile" && (await kindOf(lower, lstat)) === "file") return lower;
  throw new BuildError("dockerfile-missing", "there is no Dockerfile", {
    where: known.dockerfile,
    hint: "docker reads it from the context; --file names another, from the folder of the step on",
  });
}

async function kindOf(path: string, look = stat): Promise<"file" | "folder" | undefined> {
  const found = await look(path).catch(() => undefined);
  if (found?.isDirectory()) return "folder";
  // A pipe or a device that a step has made would be read without end.
  return found?.isFile() ? "file" : undefined;
}

/** The words that docker and podman have in common for a build, without tags and platforms. */
export function buildWords(action: ImageBuild, dockerfile: string): string[] {
  return [
    ...["--file", dockerfile],
    ...action.buildArgs.flatMap((argument) => ["--build-arg", argument]),
    ...action.labels.flatMap((label) => ["--label", label]),
    ...(action.target === undefined ? [] : ["--target", action.target]),
    ...(action.pull ? ["--pull"] : []),
    ...(action.noCache ? ["--no-cache"] : []),
  ];
}
