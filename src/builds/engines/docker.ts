import { readFile, rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import { formatPlatform, mediaTypes } from "../../oci/index.ts";
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
  type Said,
  show,
} from "./command-line.ts";
import { type ContainerEngine, openContainerWorkshop } from "./container-workshop.ts";
import { archiveIntoLayout, type DockerArchive, unpackArchive } from "./docker-archive.ts";
import { type LayoutWriter, startLayout } from "./image-layout.ts";
import { findImage, isFor, type LocalImage } from "./local-images.ts";

interface Docker {
  readonly line: CommandLine;
  readonly platform: string;
  readonly hasBuildx: boolean;
  /** Where its daemon listens, if that is a socket on this machine. */
  readonly socket: string | undefined;
}

/**
 * Finds the `docker` in PATH, with a daemon that answers. Steps get its socket, as they do on Cloud Build: most of them are
 * there to run `docker`. Whoever has the socket can do on the machine whatever the daemon can.
 */
export function detectDocker(environment: NodeJS.ProcessEnv): Promise<Engine | EngineAbsence> {
  const words = {
    install: "install Docker, or choose another engine",
    mend: "start Docker, or set DOCKER_HOST to where it listens",
    broken: "no daemon answers",
    late: "its daemon does not answer in time",
  };
  const look = async (line: CommandLine, signal: AbortSignal): Promise<Engine | Said> => {
    const format = "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}";
    const said = await ask(line, ["version", "--format", format], signal);
    const [, version, platform] = /^(\S+) (\w+\/\w+)$/.exec(said.stdout.trim()) ?? [];
    if (said.exitCode !== 0 || version === undefined || platform === undefined) return said;
    const buildx = await ask(line, ["buildx", "version"], signal);
    const context = await ask(line, ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], signal);
    const [, socket] = /^unix:\/\/(\/.+)$/.exec(context.stdout.trim()) ?? [];
    const docker = { platform, hasBuildx: buildx.exitCode === 0, socket };
    const open = async (folder: string) =>
      openContainerWorkshop(engineOf({ ...docker, line: { ...line, cwd: folder } }), folder);
    return { name: "docker", version, open };
  };
  return detect({ command: "docker", ...words, look }, environment);
}

function engineOf({ line, socket, platform: here, hasBuildx }: Docker): ContainerEngine {
  const unnamed = new Set<string>();

  const buildOne = async (
    action: ImageBuild,
    platform: string | undefined,
    idFile: string,
    io: ActionIo,
  ): Promise<{ readonly exitCode: number; readonly image?: LocalImage }> => {
    const words = [
      // A builder in a container would keep what it built to itself.
      ...(hasBuildx ? ["buildx", "build", "--load"] : ["build"]),
      ...buildWords(action, action.dockerfile),
      ...action.tags.flatMap((tag) => ["--tag", tag]),
      ...(platform === undefined ? [] : ["--platform", platform]),
      ...["--iidfile", idFile, "--", action.context],
    ];
    // Attestations would make an index of an image; Waybill attaches its own.
    const env = hasBuildx ? { BUILDX_NO_DEFAULT_ATTESTATIONS: "1" } : { DOCKER_BUILDKIT: "0" };
    const said = await show(line, words, io, { env });
    const exitCode = exitCodeOf(line, said);
    if (exitCode !== 0) return { exitCode };
    const id = await readFile(idFile, "utf8").catch(() => "");
    for (const name of [id.trim(), ...action.tags].filter((candidate) => candidate !== "")) {
      const image = await findImage(line, name, io.signal);
      if (image === undefined) continue;
      if (platform === undefined || isFor(image.platform, platform)) return { exitCode: 0, image };
      if (hasBuildx || action.noCache) throw otherPlatform(image, platform);
      // The cache of the old builder may hold what was built for another platform.
      return await buildOne({ ...action, noCache: true }, platform, idFile, io);
    }
    // It has no name, so that nobody can ask for it.
    if (action.tags.length === 0 && platform === undefined) return { exitCode: 0 };
    throw new BuildError("engine-failed", "docker has built an image, but does not have it");
  };

  const saveInto = async (layout: LayoutWriter, id: string, folder: string, io: ActionIo) => {
    try {
      let archive: DockerArchive | undefined;
      const readStdout = async (stdout: Readable) => {
        archive = await unpackArchive(stdout, folder);
      };
      const said = await show(line, ["save", id], io, { readStdout });
      if (said.exitCode !== 0 || archive === undefined)
        throw engineFailure(line, "could not save the image", said);
      return await archiveIntoLayout(archive, layout, io.signal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  return {
    line,
    mounts: socket === undefined ? {} : { "/var/run/docker.sock": socket },
    isOpenToSteps: socket !== undefined,
    imageNames: (name) => [name],
    /** Several platforms are built one after the other, each as an image of its own: most daemons keep no indexes. */
    async build(given, file, io) {
      const action = { ...given, dockerfile: await findDockerfile(given) };
      if (action.platforms.length < 2) {
        const one = await buildOne(action, action.platforms[0], file("image-id"), io);
        return { exitCode: one.exitCode, made: one.image && { id: one.image.id } };
      }
      const images: LocalImage[] = [];
      for (const platform of action.platforms) {
        const one = await buildOne({ ...action, tags: [] }, platform, file("image-id"), io);
        if (one.image === undefined) return { exitCode: one.exitCode };
        unnamed.add(one.image.id);
        images.push(one.image);
      }
      const standIn = images.find(({ platform }) => formatPlatform(platform) === here) ?? images[0];
      if (standIn === undefined) return { exitCode: 1 };
      for (const tag of action.tags) {
        const said = await show(line, ["tag", standIn.id, tag], io);
        if (said.exitCode !== 0) return { exitCode: said.exitCode };
      }
      if (action.tags.length > 0) unnamed.delete(standIn.id);
      return { exitCode: 0, made: { id: standIn.id, index: images.map(({ id }) => id) } };
    },
    async export(made, folder, file, io) {
      const layout = await startLayout(folder);
      const roots = [];
      for (const id of made.index ?? [made.id]) roots.push(await saveInto(layout, id, file("saved"), io));
      const [only] = roots;
      if (made.index === undefined && only !== undefined) {
        const { platform: _, ...root } = only;
        await layout.finish(root);
        return { root, folder };
      }
      const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: roots };
      const root = await layout.putDocument(index);
      await layout.finish(root);
      return { root, folder };
    },
    async removeLeftovers() {
      if (unnamed.size > 0)
        await ask(line, ["image", "rm", ...unnamed], AbortSignal.timeout(answerMilliseconds));
    },
  };
}

function otherPlatform({ platform }: LocalImage, wanted: string): BuildError {
  const message = `docker built for ${formatPlatform(platform)} where ${wanted} was asked for`;
  return new BuildError("engine-failed", message, {
    hint: "install docker's buildx: the builder that docker falls back to knows no platforms",
  });
}
