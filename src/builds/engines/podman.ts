import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as z from "zod/mini";
import type { Platform } from "../../oci/index.ts";
import type { ActionIo, Engine, EngineAbsence, ImageBuild } from "../engine.ts";
import { BuildError } from "../errors.ts";
import { buildWords, findDockerfile } from "./build-sources.ts";
import {
  answerMilliseconds,
  ask,
  type CommandLine,
  detect,
  engineFailure,
  exitCodeOf,
  readJson,
  type Said,
  show,
  withLogins,
} from "./command-line.ts";
import { type Built, type ContainerEngine, openContainerWorkshop } from "./container-workshop.ts";
import { readLayoutRoot } from "./image-layout.ts";
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
    const open = async (folder: string) =>
      openContainerWorkshop(engineOf(await withLogins({ ...line, cwd: folder })), folder);
    return { name: "podman", version, open };
  };
  return detect({ command: "podman", ...words, look }, environment);
}

const listSchema = z.object({
  manifests: z
    .array(z.object({ platform: z.object({ os: z.string(), architecture: z.string() }) }))
    .check(z.maxLength(1000)),
});

function engineOf(line: CommandLine): ContainerEngine {
  const lists = new Set<string>();

  const buildWith = async (action: ImageBuild, words: readonly string[], io: ActionIo): Promise<number> => {
    const platforms = action.platforms.length === 0 ? [] : ["--platform", action.platforms.join(",")];
    const common = buildWords(action, action.dockerfile);
    const said = await show(line, ["build", ...common, ...platforms, ...words, "--", action.context], io);
    return exitCodeOf(line, said);
  };

  /** One image, or `undefined` where it was built for other platforms. */
  const buildImage = async (action: ImageBuild, idFile: string, io: ActionIo): Promise<Built | undefined> => {
    const tags = action.tags.flatMap((tag) => ["--tag", tag]);
    const exitCode = await buildWith(action, [...tags, "--iidfile", idFile], io);
    if (exitCode !== 0) return { exitCode };
    const id = (await readFile(idFile, "utf8").catch(() => "")).trim();
    const image = id === "" ? undefined : await findImage(line, id, io.signal);
    if (image === undefined)
      throw new BuildError("engine-failed", "podman has built an image, but does not have it");
    const isRight = action.platforms.every((platform) => isFor(image.platform, platform));
    return isRight ? { exitCode, made: { id: image.id } } : undefined;
  };

  const readList = async (list: string, signal: AbortSignal): Promise<Platform[]> => {
    const said = await ask(line, ["manifest", "inspect", list], signal);
    if (said.exitCode !== 0) throw engineFailure(line, "could not read the index", said);
    const fault = "podman describes an index in a way that is not known here";
    return readJson(listSchema, said.stdout, fault).manifests.map(({ platform }) => platform);
  };

  const buildIndex = async (action: ImageBuild, io: ActionIo): Promise<Built | undefined> => {
    // A name that only this build knows: its tags may be given to another meanwhile.
    const list = `localhost/waybill-${randomBytes(8).toString("hex")}`;
    lists.add(list);
    const exitCode = await buildWith(action, ["--manifest", list], io);
    if (exitCode !== 0) return { exitCode };
    const entries = await readList(list, io.signal);
    const isRight = action.platforms.every((platform) => entries.some((entry) => isFor(entry, platform)));
    if (!isRight) return undefined;
    for (const tag of action.tags) {
      const tagged = await show(line, ["tag", list, tag], io);
      if (tagged.exitCode !== 0) return { exitCode: tagged.exitCode };
    }
    return { exitCode, made: { id: list, index: [list] } };
  };

  return {
    line,
    mounts: {},
    isOpenToSteps: false,
    // It looks for short names in registries of its own choice; Cloud Build means Docker Hub.
    imageNames: (name) => [name, canonicalName(name)],
    async build(given, file, io) {
      const action = { ...given, dockerfile: await findDockerfile(given) };
      const once = (attempt: ImageBuild) =>
        action.platforms.length > 1 ? buildIndex(attempt, io) : buildImage(attempt, file("image-id"), io);
      // Its cache may hold what was built for another platform.
      const built = (await once(action)) ?? (await once({ ...action, noCache: true }));
      if (built !== undefined) return built;
      const wanted = action.platforms.join(", ");
      throw new BuildError("engine-failed", `podman did not build for ${wanted}, as was asked for`);
    },
    async export(made, folder, _, io) {
      const [list] = made.index ?? [];
      const target = `oci:${folder}`;
      const words =
        list === undefined
          ? ["push", "--format", "oci", made.id, target]
          : ["manifest", "push", "--all", list, target];
      const said = await show(line, words, io);
      if (said.exitCode !== 0) throw engineFailure(line, "could not export the image", said);
      return { root: await readLayoutRoot(folder), folder };
    },
    async removeLeftovers() {
      for (const list of lists)
        await ask(line, ["manifest", "rm", list], AbortSignal.timeout(answerMilliseconds));
    },
  };
}
