import * as z from "zod/mini";
import { type Digest, isDigest, type Platform } from "../../oci/index.ts";
import { splitHost } from "../destination.ts";
import type { ActionIo } from "../engine.ts";
import { BuildError } from "../errors.ts";
import {
  ask,
  type CommandLine,
  engineFailure,
  faultOfEngine,
  lastWords,
  readJson,
  type Said,
  show,
} from "./command-line.ts";

export interface LocalImage {
  readonly id: string;
  readonly platform: Platform;
  readonly repoDigests: readonly string[];
}

const inspected = z
  .array(
    z.object({
      Id: z.string().check(z.maxLength(200)),
      Os: z.string().check(z.maxLength(100)),
      Architecture: z.string().check(z.maxLength(100)),
      Variant: z.nullish(z.string().check(z.maxLength(100))),
      RepoDigests: z.nullish(z.array(z.string().check(z.maxLength(1000))).check(z.maxLength(10_000))),
    }),
  )
  .check(z.minLength(1));

/**
 * Looks an image up by its name or id; `undefined` when it is not here: nothing is pulled.
 * @throws {BuildError} `engine-failed` when that cannot be told.
 */
export async function findImage(
  line: CommandLine,
  name: string,
  signal: AbortSignal,
): Promise<LocalImage | undefined> {
  const said = await ask(line, ["image", "inspect", "--", name], signal);
  if (said.exitCode !== 0) {
    if (/no such image|not known|not found|no such object/i.test(said.tail)) return undefined;
    throw engineFailure(line, `could not look ${name} up`, said);
  }
  const fault = `${line.command} describes images in a way that is not known here`;
  const [image] = readJson(inspected, said.stdout, fault);
  if (image === undefined) return undefined;
  // podman leaves the algorithm out.
  const id = /^[0-9a-f]{64}$/.test(image.Id) ? `sha256:${image.Id}` : image.Id;
  const platform = { os: image.Os, architecture: image.Architecture };
  return {
    id,
    platform: image.Variant ? { ...platform, variant: image.Variant } : platform,
    repoDigests: image.RepoDigests ?? [],
  };
}

/** Times that a pull is tried, where what went wrong may pass. */
const pullAttempts = 3;

/**
 * Brings the image of a step here unless it is here already.
 * @throws {BuildError} `step-image-unavailable`.
 */
export async function obtainImage(
  line: CommandLine,
  names: readonly string[],
  io: ActionIo,
): Promise<LocalImage> {
  for (const name of names) {
    const here = await findImage(line, name, io.signal);
    if (here !== undefined) return here;
  }
  const wanted = names.at(-1) ?? "";
  for (let attempt = 1; ; attempt++) {
    const said = await show(line, ["pull", "--", wanted], io);
    if (said.exitCode === 0) break;
    const mayPass = /timeout|timed out|reset by peer|EOF|too ?many ?requests|\b(?:429|50[0234])\b/i.test(
      said.tail,
    );
    if (mayPass && attempt < pullAttempts) continue;
    throw notPulled(line, names[0] ?? wanted, said);
  }
  const pulled = await findImage(line, wanted, io.signal);
  if (pulled !== undefined) return pulled;
  const message = `${line.command} has pulled the image of the step, but does not have it`;
  throw new BuildError("step-image-unavailable", message, { where: names[0] });
}

/** Why the image of a step could not be had. */
export function notPulled({ command }: CommandLine, image: string, { tail }: Pick<Said, "tail">): BuildError {
  return (
    faultOfEngine(command, tail) ??
    new BuildError(
      "step-image-unavailable",
      `the image of the step could not be pulled: ${lastWords(tail)}`,
      {
        where: image,
        hint: `see whether "${command} pull ${image}" works: the image may be gone, or need a login`,
      },
    )
  );
}

/** Whether an image, or an entry of an index, is for a platform that is written as `linux/arm64` or `linux/arm/v7`. */
export function isFor(platform: Platform, wanted: string): boolean {
  const [os, architecture] = wanted.split("/");
  return platform.os === os && platform.architecture === architecture;
}

/** The digest by which a registry knows an image, if the engine does: of the repository that the name is in. */
export function digestIn(image: LocalImage, name: string): Digest | undefined {
  const repository = repositoryOf(name);
  const digests = image.repoDigests.flatMap((entry) => {
    const at = entry.lastIndexOf("@");
    const digest = entry.slice(at + 1);
    return repositoryOf(entry.slice(0, at)) === repository && isDigest(digest) ? [digest] : [];
  });
  return digests[0];
}

/**
 * A name as docker understands it, with everything that may be left out. Beside a digest a tag says nothing, and Buildah and
 * Podman refuse names that have both.
 */
export function canonicalName(name: string): string {
  const [, path = "", tag = ":latest", digest] = /^([^@]*?)(:[^:/@]*)?(@.*)?$/.exec(name) ?? [];
  return `${withHost(path)}${digest ?? tag}`;
}

function repositoryOf(name: string): string {
  return withHost(name.replace(/@.*$/, "").replace(/:[^:/]*$/, ""));
}

function withHost(repository: string): string {
  const { host, path } = splitHost(repository);
  const isHub = host === "" || host === "docker.io" || host === "index.docker.io";
  return isHub ? `docker.io/${path.includes("/") ? path : `library/${path}`}` : repository;
}
