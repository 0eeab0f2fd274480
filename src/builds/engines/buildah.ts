import { close, constants, open } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod/mini";
import { readRegular } from "../../disk/index.ts";
import { type Digest, isDigest } from "../../oci/index.ts";
import type {
  ActionEnd,
  ActionIo,
  ContainerRun,
  Engine,
  EngineAbsence,
  ExportedImage,
  ImageBuild,
  Workshop,
} from "../engine.ts";
import { BuildError } from "../errors.ts";
import { giveUp, runProgram } from "../program.ts";
import { buildWords, findDockerfile } from "./build-sources.ts";
import {
  ask,
  type CommandLine,
  detect,
  engineFailure,
  exitCodeOf,
  faultOfEngine,
  lastWords,
  readJson,
  type Said,
  show,
  tailed,
  withLogins,
} from "./command-line.ts";
import { directoryIntoLayout, readLayoutRoot } from "./image-layout.ts";
import { canonicalName, notPulled } from "./local-images.ts";
import { loopbackHosts, registriesConfig } from "./loopback.ts";

/**
 * Buildah, which needs neither a daemon nor rights to make containers: steps run in a changed root, on the network of this
 * machine. Each build has a store of its own, so that builds never meet, and nothing of them is left.
 */
export function detectBuildah(environment: NodeJS.ProcessEnv): Promise<Engine | EngineAbsence> {
  const words = {
    install: "install it: apt-get install buildah, or dnf install buildah",
    mend: "look what it says: buildah --version",
  };
  const look = async (line: CommandLine, signal: AbortSignal): Promise<Engine | Said> => {
    const said = await ask(line, ["--version"], signal);
    const version = /version ([\w.+~-]+)/.exec(said.stdout)?.[1];
    if (said.exitCode !== 0 || version === undefined) return said;
    return { name: "buildah", version, open: (folder) => openWorkshop({ ...line, cwd: folder }) };
  };
  return detect({ command: "buildah", ...words, look }, environment);
}

async function openWorkshop(opened: CommandLine): Promise<Workshop> {
  const given = await withLogins(opened);
  const store = join(given.cwd, "store");
  const secrets = join(given.cwd, "secrets");
  const temporary = join(given.cwd, "tmp");
  const registries = join(given.cwd, "registries.conf");
  await Promise.all([store, secrets, temporary].map((path) => mkdir(path, { mode: 0o700 })));
  await writeFile(registries, await registriesConfig([], given.env));
  // Elsewhere nobody would know what of it is left when this process is killed.
  const line: CommandLine = { ...given, env: { ...given.env, TMPDIR: temporary } };
  const globals = [
    ...["--root", join(store, "root"), "--runroot", join(store, "run")],
    ...["--storage-driver", line.env.STORAGE_DRIVER ?? "vfs", "--registries-conf", registries],
  ];
  const loopback = new Set<string>();
  /** Names that stand for an index, and its name in the store. */
  const indexes = new Map<string, string>();
  let count = 0;

  /** In the form that it has: as `oci:` an image of Docker's would lose what only Docker's config has a word for. */
  const exportImage = async (
    image: string,
    folder: string,
    io: ActionIo,
  ): Promise<ExportedImage | undefined> => {
    const directory = await mkdtemp(`${folder}-`);
    try {
      const said = await askIn(["push", "--quiet", image, `dir:${directory}`], io);
      // To look first would take as long as half of the export.
      if (said.exitCode !== 0 && /image not known/.test(said.tail)) return undefined;
      if (said.exitCode !== 0) throw engineFailure(line, `could not export ${image}`, said);
      return { root: await directoryIntoLayout(directory, folder), folder };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };

  const build = async (action: ImageBuild, io: ActionIo): Promise<ActionEnd> => {
    const dockerfile = await findDockerfile(action);
    const text = (await readRegular(dockerfile, maxDockerfileBytes)).toString();
    await allowLoopback([text, ...action.buildArgs]);
    const index = action.platforms.length > 1 ? `waybill-index-${++count}` : undefined;
    const words = [
      ...["bud", ...isolation, ...buildWords(action, dockerfile)],
      ...(needsDockerFormat(text) ? ["--format", "docker"] : []),
      ...(action.platforms.length > 0 ? ["--platform", action.platforms.join(",")] : []),
      ...(index === undefined ? action.tags.flatMap((tag) => ["--tag", tag]) : ["--manifest", index]),
    ];
    const end = await showIn([...words, action.context], io);
    if (end.exitCode === 0 && index !== undefined) {
      for (const tag of action.tags) indexes.set(canonicalName(tag), index);
    }
    return end;
  };

  const runStep = async (action: ContainerRun, io: ActionIo): Promise<ActionEnd> => {
    await allowLoopback([action.image]);
    const container = `waybill-step-${++count}`;
    await from(action.image, container, io);
    try {
      const { digest, command } = await describe(container, io);
      const secretFile = await writeSecrets(action, container);
      const options = [
        ...["--workingdir", action.dir],
        ...Object.entries(action.env).flatMap(([name, value]) =>
          action.secretEnv.includes(name) ? [] : ["--env", `${name}=${value}`],
        ),
        ...Object.entries(action.mounts).flatMap(([inside, outside]) => ["--volume", `${outside}:${inside}`]),
        ...(secretFile === undefined ? [] : ["--volume", `${secretFile}:${secretPlace}:ro`]),
      ];
      const before = secretFile === undefined ? [] : [`. ${secretPlace}`];
      const end = await runIn({ container, options, before, command: containerCommand(action, command) }, io);
      return { ...end, image: digest && { name: action.image, digest } };
    } finally {
      await forget(container);
    }
  };

  /**
   * Runs a command in a container. What it writes goes past Buildah, through a pipe of ours: what Buildah hands on itself it
   * drops now and then when the command ends. An image without a shell has nobody who could connect the pipe.
   */
  const runIn = async (run: CommandInContainer, io: ActionIo): Promise<ActionEnd> => {
    const { container, options, before, command } = run;
    const pipe = await makePipe(container, io);
    let hasBegun = false;
    const output = tailed((chunk) => {
      // The first byte says that there is a shell.
      const said = hasBegun ? chunk : chunk.subarray(1);
      hasBegun = true;
      if (said.length > 0) io.output(said);
    });
    const ofBuildah: Uint8Array[] = [];
    const reading = await readPipe(pipe, output.take);
    const script = [`exec >${pipePlace} 2>&1`, "echo", ...before, 'exec "$@"'].join(" && ");
    const wrapped = ["/bin/sh", "-c", script, "sh", ...command];
    const piped = ["run", ...isolation, ...options, "--volume", `${pipe}:${pipePlace}`, container, "--"];
    const said = await show(line, [...globals, ...piped, ...wrapped], {
      signal: io.signal,
      output: (chunk) => void ofBuildah.push(chunk),
    }).finally(() => reading.end());
    await rm(pipe, { force: true });
    if (!hasBegun && said.exitCode !== 0 && before.length === 0) {
      return showIn(["run", ...isolation, ...options, container, "--", ...command], io);
    }
    for (const chunk of ofBuildah) io.output(chunk);
    return { exitCode: exitCodeOf(line, { ...said, tail: `${output.tail()}${said.tail}` }) };
  };

  const makePipe = async (name: string, { signal }: ActionIo): Promise<string> => {
    const { env, cwd } = line;
    const pipe = join(secrets, `${name}.pipe`);
    const tail = tailed(() => undefined);
    // Whoever the step runs as writes to it; the folder keeps everybody else of this machine away.
    const made = await runProgram("mkfifo", ["-m", "666", pipe], { env, cwd, signal, output: tail.take });
    if (made.exitCode === 0) return pipe;
    throw faultOfEngine("buildah", tail.tail()) ?? new BuildError("engine-failed", lastWords(tail.tail()));
  };

  /** A name that an earlier step built wins; of the others, those without a host are Docker's. */
  const from = async (image: string, container: string, io: ActionIo): Promise<void> => {
    const local = await askIn(["from", ...network, "--pull-never", "--name", container, image], io);
    if (local.exitCode === 0) return;
    const words = ["from", ...network, "--quiet", "--name", container, `docker://${canonicalName(image)}`];
    const pulled = await askIn(words, io);
    if (pulled.exitCode !== 0) throw notPulled(line, image, pulled);
  };

  const describe = async (
    container: string,
    io: ActionIo,
  ): Promise<{ readonly digest: Digest | undefined; readonly command: ImageCommand }> => {
    const said = await askIn(["inspect", "--type", "container", container], io);
    if (said.exitCode !== 0) throw engineFailure(line, "could not describe the image of the step", said);
    const fault = "buildah describes images in a way that is not known here";
    const { FromImageDigest: digest, OCIv1 } = readJson(imageCommandSchema, said.stdout, fault);
    const command = OCIv1?.config ?? {};
    return { digest: digest && isDigest(digest) ? digest : undefined, command };
  };

  /** Secrets stand in a file that only the step sees, not on a command line, which every user does. */
  const writeSecrets = async (action: ContainerRun, container: string): Promise<string | undefined> => {
    if (action.secretEnv.length === 0) return undefined;
    const file = join(secrets, container);
    const lines = action.secretEnv.map(
      (name) => `export ${name}='${(action.env[name] ?? "").replaceAll("'", `'\\''`)}'\n`,
    );
    await writeFile(file, lines.join(""), { mode: 0o600 });
    await chmod(file, 0o600);
    return file;
  };

  const forget = async (container: string): Promise<void> => {
    const signal = AbortSignal.timeout(removalMilliseconds);
    await askIn(["rm", container], { signal }).catch(() => undefined);
  };

  const allowLoopback = async (texts: readonly string[]): Promise<void> => {
    const hosts = loopbackHosts(texts).filter((host) => !loopback.has(host));
    if (hosts.length === 0) return;
    const all = [...loopback, ...hosts];
    await writeFile(registries, await registriesConfig(all, line.env));
    for (const host of hosts) loopback.add(host);
  };

  /** Output is for people; a full disk is no fault of the step. */
  const showIn = async (words: readonly string[], io: ActionIo): Promise<ActionEnd> => ({
    exitCode: exitCodeOf(line, await show(line, [...globals, ...words], io)),
  });

  const askIn = (words: readonly string[], { signal }: Pick<ActionIo, "signal">): Promise<Said> =>
    ask(line, [...globals, ...words], signal);

  return {
    perform(action, io) {
      if (action.kind === "build") return build(action, io);
      if (action.kind === "run") return runStep(action, io);
      const index = indexes.get(canonicalName(action.source));
      if (index !== undefined) indexes.set(canonicalName(action.target), index);
      return showIn(["tag", index ?? action.source, action.target], io);
    },
    async export(image, folder, io) {
      const index = indexes.get(canonicalName(image));
      if (index === undefined) return exportImage(image, folder, io);
      const words = ["manifest", "push", "--all", "--quiet", index, `oci:${folder}:exported`];
      const said = await askIn(words, io);
      if (said.exitCode !== 0) throw engineFailure(line, `could not export ${image}`, said);
      return { root: await readLayoutRoot(folder), folder };
    },
    async close() {
      if (process.getuid?.() === 0) return;
      // Files of images belong to other users, as this one sees them, and only this one's other self may remove them.
      const signal = AbortSignal.timeout(removalMilliseconds);
      await ask(line, ["unshare", "rm", "-rf", store], signal).catch(() => undefined);
    },
  };
}

/** A network of its own would take plugins that are not everywhere, and keep builds from registries of this machine. */
const network = ["--network", "host"];
/** Neither a daemon nor rights to make containers are needed. */
const isolation = ["--isolation", "chroot", ...network];
const removalMilliseconds = 60_000;
/** Bytes of a Dockerfile. */
const maxDockerfileBytes = 4 * 1024 * 1024;
const secretPlace = "/run/waybill-secrets";
const pipePlace = "/run/waybill-output";

interface CommandInContainer {
  readonly container: string;
  readonly options: readonly string[];
  /** What a shell does before it; without it, none is needed. */
  readonly before: readonly string[];
  readonly command: readonly string[];
}

/** What OCI's config has no word for, and Docker's has. */
function needsDockerFormat(dockerfile: string): boolean {
  return /^\s*(?:HEALTHCHECK|SHELL|ONBUILD)\s/im.test(dockerfile);
}

/** What an image runs by itself (OCI image specification, config.md). */
interface ImageCommand {
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
}

const words = z.nullish(z.array(z.string()));

/** What `buildah inspect` says of a container, as far as anybody here asks. */
const imageCommandSchema = z.object({
  FromImageDigest: z.nullish(z.string()),
  OCIv1: z.nullish(z.object({ config: z.nullish(z.object({ Entrypoint: words, Cmd: words })) })),
});

/**
 * The command line of a step: the step's arguments go to its entrypoint, else to that of the image; where there is none, the
 * first argument is the command. Without arguments, an image's own are taken, unless the step has an entrypoint.
 */
function containerCommand(
  { entrypoint, args }: Pick<ContainerRun, "entrypoint" | "args">,
  image: ImageCommand,
): readonly string[] {
  if (entrypoint !== undefined) return [entrypoint, ...args];
  return [...(image.Entrypoint ?? []), ...(args.length > 0 ? args : (image.Cmd ?? []))];
}

/** Time that a process which was left behind may keep a pipe open, once its end is waited for. */
const lingerMilliseconds = 2_000;

/**
 * Reads the named pipe at a path, for any number of writers. Its `end` resolves when all that wrote to it have closed it, or do
 * not for a while.
 * @param output Takes what is written to it, as it comes.
 */
async function readPipe(path: string, output: (chunk: Buffer) => void) {
  const opened = promisify(open);
  const reader = await opened(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // While one writer stays, that the others have gone is no end.
  const writer = await opened(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd: reader, readable: true, writable: false });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // What it was, nobody can say better than the end of the output does.
  socket.on("error", () => undefined);
  socket.on("data", output);
  return {
    async end(): Promise<void> {
      await promisify(close)(writer);
      const linger = setTimeout(giveUp, lingerMilliseconds, socket);
      await closed;
      clearTimeout(linger);
    },
  };
}
