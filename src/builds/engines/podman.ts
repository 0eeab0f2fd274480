import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Platform } from "../../oci/index.ts";
import type { ActionIo, Engine, EngineAbsence, ExportedImage, ImageBuild } from "../engine.ts";
import { BuildError } from "../errors.ts";
import { buildWords, findDockerfile } from "./build-sources.ts";
import {
  answerMilliseconds,
  ask,
  type CommandLine,
  detect,
  engineFailure,
  faultOfEngine,
  readJson,
  type Said,
  show,
} from "./command-line.ts";
import {
  type Built,
  type ContainerEngine,
  type MadeImage,
  openContainerWorkshop,
} from "./container-workshop.ts";
import { readLayoutRoot } from "./layout-root.ts";
import { canonicalName, findImage, isFor } from "./local-images.ts";

/**
 * Finds the `podman` in PATH, with a store that it can use. Steps get no socket: it has no daemon. What a step may do is
 * bounded by what the user may.
 */
export function detectPodman(environment: NodeJS.ProcessEnv): Promise<Engine | EngineAbsence> {
  const words = { install: "install podman, or choose another engine", mend: '"podman info" says more' };
  const look = async (line: CommandLine, signal: AbortSignal): Promise<Engine | Said> => {
    const said = await ask(line, ["info", "--format", "{{.Version.Version}}"], signal);
    const version = said.stdout.trim();
    if (said.exitCode !== 0 || version === "") return said;
    const open = async (folder: string) => openContainerWorkshop(engineOf({ ...line, cwd: folder }), folder);
    return { name: "podman", version, open };
  };
  return detect({ command: "podman", ...words, look }, environment);
}

function engineOf(line: CommandLine): ContainerEngine {
  const lists = new Set<string>();
  return {
    line,
    mounts: {},
    isOpenToSteps: false,
    // It looks for short names in registries of its own choice; Cloud Build means Docker Hub.
    imageNames: (name) => [name, canonicalName(name)],
    build: (action, file, io) => build(line, action, file, io, lists),
    export: (made, folder, _, io) => exportImage(line, made, folder, io),
    async removeLeftovers() {
      for (const list of lists)
        await ask(line, ["manifest", "rm", list], AbortSignal.timeout(answerMilliseconds));
    },
  };
}

async function build(
  line: CommandLine,
  given: ImageBuild,
  file: (name: string) => string,
  io: ActionIo,
  lists: Set<string>,
): Promise<Built> {
  const action = { ...given, dockerfile: await findDockerfile(given) };
  const once = action.platforms.length > 1 ? buildIndex : buildImage;
  const built = await once(line, action, file("image-id"), io, lists);
  if (built !== "for other platforms") return built;
  // Its cache may hold what was built for another platform.
  const again = await once(line, { ...action, noCache: true }, file("image-id"), io, lists);
  if (again !== "for other platforms") return again;
  throw new BuildError(
    "engine-failed",
    `podman did not build for ${action.platforms.join(", ")}, as was asked for`,
  );
}

type Attempt = Promise<Built | "for other platforms">;

async function buildImage(line: CommandLine, action: ImageBuild, idFile: string, io: ActionIo): Attempt {
  const tags = action.tags.flatMap((tag) => ["--tag", tag]);
  const exitCode = await buildWith(line, action, [...tags, "--iidfile", idFile], io);
  if (exitCode !== 0) return { exitCode };
  const id = (await readFile(idFile, "utf8").catch(() => "")).trim();
  const image = id === "" ? undefined : await findImage(line, id, io.signal);
  if (image === undefined)
    throw new BuildError("engine-failed", "podman has built an image, but does not have it");
  const isRight = action.platforms.every((platform) => isFor(image.platform, platform));
  return isRight ? { exitCode, made: { id: image.id } } : "for other platforms";
}

async function buildIndex(
  line: CommandLine,
  action: ImageBuild,
  _: string,
  io: ActionIo,
  lists: Set<string>,
): Attempt {
  // A name that only this build knows: its tags may be given to another meanwhile.
  const list = `localhost/waybill-${randomBytes(8).toString("hex")}`;
  lists.add(list);
  const exitCode = await buildWith(line, action, ["--manifest", list], io);
  if (exitCode !== 0) return { exitCode };
  const entries = await readList(line, list, io.signal);
  const isRight = action.platforms.every((platform) => entries.some((entry) => isFor(entry, platform)));
  if (!isRight) return "for other platforms";
  for (const tag of action.tags) {
    const tagged = await show(line, ["tag", list, tag], io);
    if (tagged.exitCode !== 0) return { exitCode: tagged.exitCode };
  }
  return { exitCode, made: { id: list, index: [list] } };
}

async function buildWith(
  line: CommandLine,
  action: ImageBuild,
  words: readonly string[],
  io: ActionIo,
): Promise<number> {
  const platforms = action.platforms.length === 0 ? [] : ["--platform", action.platforms.join(",")];
  const all = [
    "build",
    ...buildWords(action, action.dockerfile),
    ...platforms,
    ...words,
    "--",
    action.context,
  ];
  const said = await show(line, all, io);
  const fault = said.exitCode === 0 ? undefined : faultOfEngine(line.command, said.tail);
  if (fault !== undefined) throw fault;
  return said.exitCode;
}

const listSchema = z.object({
  manifests: z
    .array(z.object({ platform: z.object({ os: z.string(), architecture: z.string() }) }))
    .max(1000),
});

async function readList(line: CommandLine, list: string, signal: AbortSignal): Promise<Platform[]> {
  const said = await ask(line, ["manifest", "inspect", list], signal);
  if (said.exitCode !== 0) throw engineFailure(line, "could not read the index", said);
  const fault = "podman describes an index in a way that is not known here";
  return readJson(listSchema, said.stdout, fault).manifests.map(({ platform }) => platform);
}

async function exportImage(
  line: CommandLine,
  made: MadeImage,
  folder: string,
  io: ActionIo,
): Promise<ExportedImage> {
  const [list] = made.index ?? [];
  const target = `oci:${folder}`;
  const words =
    list === undefined
      ? ["push", "--format", "oci", made.id, target]
      : ["manifest", "push", "--all", list, target];
  const said = await show(line, words, io);
  if (said.exitCode !== 0) throw engineFailure(line, "could not export the image", said);
  return { root: await readLayoutRoot(folder), folder };
}
