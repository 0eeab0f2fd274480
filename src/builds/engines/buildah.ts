import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
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
import { runProgram } from "../program.ts";
import { buildWords, findDockerfile } from "./build-sources.ts";
import {
  ask,
  type CommandLine,
  detect,
  engineFailure,
  faultOfEngine,
  lastWords,
  readJson,
  type Said,
  show,
  tailed,
} from "./command-line.ts";
import { directoryIntoLayout } from "./directory-layout.ts";
import { readLayoutRoot } from "./layout-root.ts";
import { canonicalName, notPulled } from "./local-images.ts";
import { loopbackHosts, registriesConfig } from "./loopback.ts";
import { readPipe } from "./named-pipe.ts";

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

async function openWorkshop(line: CommandLine): Promise<Workshop> {
  const places = {
    store: join(line.cwd, "store"),
    secrets: join(line.cwd, "secrets"),
    temporary: join(line.cwd, "tmp"),
  };
  await Promise.all(Object.values(places).map((path) => mkdir(path, { mode: 0o700 })));
  await writeFile(registriesFileIn(line.cwd), await registriesConfig([], line.env));
  // Elsewhere nobody would know what of it is left when this process is killed.
  const env = { ...line.env, TMPDIR: places.temporary };
  return new BuildahWorkshop({ ...line, env }, places);
}

function registriesFileIn(folder: string): string {
  return join(folder, "registries.conf");
}

interface Places {
  readonly store: string;
  readonly secrets: string;
}

class BuildahWorkshop implements Workshop {
  readonly #line: CommandLine;
  readonly #places: Places;
  readonly #storage: readonly string[];
  /** Registries of this machine that actions have named. */
  readonly #loopback = new Set<string>();
  /** Names that stand for an index, and its name in the store. */
  readonly #indexes = new Map<string, string>();
  #count = 0;

  constructor(line: CommandLine, places: Places) {
    this.#line = line;
    this.#places = places;
    this.#storage = [
      ...["--root", join(places.store, "root"), "--runroot", join(places.store, "run")],
      ...["--storage-driver", line.env.STORAGE_DRIVER ?? "vfs"],
    ];
  }

  perform(action: Parameters<Workshop["perform"]>[0], io: ActionIo): Promise<ActionEnd> {
    if (action.kind === "build") return this.#build(action, io);
    if (action.kind === "run") return this.#runStep(action, io);
    const index = this.#indexes.get(canonicalName(action.source));
    if (index !== undefined) this.#indexes.set(canonicalName(action.target), index);
    return this.#show(["tag", index ?? action.source, action.target], io);
  }

  async export(image: string, folder: string, io: ActionIo): Promise<ExportedImage | undefined> {
    const index = this.#indexes.get(canonicalName(image));
    if (index === undefined) return this.#exportImage(image, folder, io);
    const words = ["manifest", "push", "--all", "--quiet", index, `oci:${folder}:exported`];
    const said = await this.#ask(words, io);
    if (said.exitCode !== 0) throw engineFailure(this.#line, `could not export ${image}`, said);
    return { root: await readLayoutRoot(folder), folder };
  }

  /** In the form that it has: as `oci:` an image of Docker's would lose what only Docker's config has a word for. */
  async #exportImage(image: string, folder: string, io: ActionIo): Promise<ExportedImage | undefined> {
    const directory = await mkdtemp(`${folder}-`);
    try {
      const said = await this.#ask(["push", "--quiet", image, `dir:${directory}`], io);
      // To look first would take as long as half of the export.
      if (said.exitCode !== 0 && /image not known/.test(said.tail)) return undefined;
      if (said.exitCode !== 0) throw engineFailure(this.#line, `could not export ${image}`, said);
      return { root: await directoryIntoLayout(directory, folder), folder };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {
    if (process.getuid?.() === 0) return;
    // Files of images belong to other users, as this one sees them, and only this one's other self may remove them.
    const signal = AbortSignal.timeout(removalMilliseconds);
    await ask(this.#line, ["unshare", "rm", "-rf", this.#places.store], signal).catch(() => undefined);
  }

  async #build(action: ImageBuild, io: ActionIo): Promise<ActionEnd> {
    const dockerfile = await findDockerfile(action);
    const text = await readFile(dockerfile, "utf8");
    await this.#allowLoopback([text, ...action.buildArgs]);
    const index = action.platforms.length > 1 ? `waybill-index-${this.#next()}` : undefined;
    const words = [
      ...["bud", ...isolation, ...buildWords(action, dockerfile)],
      ...(needsDockerFormat(text) ? ["--format", "docker"] : []),
      ...(action.platforms.length > 0 ? ["--platform", action.platforms.join(",")] : []),
      ...(index === undefined ? action.tags.flatMap((tag) => ["--tag", tag]) : ["--manifest", index]),
    ];
    const end = await this.#show([...words, action.context], io);
    if (end.exitCode === 0 && index !== undefined) {
      for (const tag of action.tags) this.#indexes.set(canonicalName(tag), index);
    }
    return end;
  }

  async #runStep(action: ContainerRun, io: ActionIo): Promise<ActionEnd> {
    await this.#allowLoopback([action.image]);
    const container = `waybill-step-${this.#next()}`;
    await this.#from(action.image, container, io);
    try {
      const { digest, command } = await this.#describe(container, io);
      const secretFile = await this.#writeSecrets(action, container);
      const options = [
        ...["--workingdir", action.dir],
        ...Object.entries(action.env).flatMap(([name, value]) =>
          action.secretEnv.includes(name) ? [] : ["--env", `${name}=${value}`],
        ),
        ...Object.entries(action.mounts).flatMap(([inside, outside]) => ["--volume", `${outside}:${inside}`]),
        ...(secretFile === undefined ? [] : ["--volume", `${secretFile}:${secretPlace}:ro`]),
      ];
      const before = secretFile === undefined ? [] : [`. ${secretPlace}`];
      const end = await this.#runIn(
        { container, options, before, command: containerCommand(action, command) },
        io,
      );
      return { ...end, image: digest && { name: action.image, digest } };
    } finally {
      await this.#forget(container);
    }
  }

  /**
   * Runs a command in a container. What it writes goes past Buildah, through a pipe of ours: what Buildah hands on itself it
   * drops now and then when the command ends. An image without a shell has nobody who could connect the pipe.
   */
  async #runIn(run: CommandInContainer, io: ActionIo): Promise<ActionEnd> {
    const { container, options, before, command } = run;
    const pipe = await this.#makePipe(container, io);
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
    const said = await show(this.#line, [...this.#globals, ...piped, ...wrapped], {
      signal: io.signal,
      output: (chunk) => void ofBuildah.push(chunk),
    }).finally(() => reading.end());
    await rm(pipe, { force: true });
    if (!hasBegun && said.exitCode !== 0 && before.length === 0) {
      return this.#show(["run", ...isolation, ...options, container, "--", ...command], io);
    }
    for (const chunk of ofBuildah) io.output(chunk);
    return this.#ended({ ...said, tail: `${output.tail()}${said.tail}` });
  }

  async #makePipe(name: string, { signal }: ActionIo): Promise<string> {
    const { env, cwd } = this.#line;
    const pipe = join(this.#places.secrets, `${name}.pipe`);
    const tail = tailed(() => undefined);
    // Whoever the step runs as writes to it; the folder keeps everybody else of this machine away.
    const made = await runProgram("mkfifo", ["-m", "666", pipe], { env, cwd, signal, output: tail.take });
    if (made.exitCode === 0) return pipe;
    throw faultOfEngine("buildah", tail.tail()) ?? new BuildError("engine-failed", lastWords(tail.tail()));
  }

  /** A name that an earlier step built wins; of the others, those without a host are Docker's. */
  async #from(image: string, container: string, io: ActionIo): Promise<void> {
    const local = await this.#ask(["from", ...network, "--pull-never", "--name", container, image], io);
    if (local.exitCode === 0) return;
    const words = ["from", ...network, "--quiet", "--name", container, `docker://${canonicalName(image)}`];
    const pulled = await this.#ask(words, io);
    if (pulled.exitCode !== 0) throw notPulled(this.#line, image, pulled);
  }

  async #describe(
    container: string,
    io: ActionIo,
  ): Promise<{ readonly digest: Digest | undefined; readonly command: ImageCommand }> {
    const said = await this.#ask(["inspect", "--type", "container", container], io);
    if (said.exitCode !== 0)
      throw engineFailure(this.#line, "could not describe the image of the step", said);
    const fault = "buildah describes images in a way that is not known here";
    const { FromImageDigest: digest, OCIv1 } = readJson(imageCommandSchema, said.stdout, fault);
    const command = OCIv1?.config ?? {};
    return { digest: digest && isDigest(digest) ? digest : undefined, command };
  }

  /** Secrets stand in a file that only the step sees, not on a command line, which every user does. */
  async #writeSecrets(action: ContainerRun, container: string): Promise<string | undefined> {
    if (action.secretEnv.length === 0) return undefined;
    const file = join(this.#places.secrets, container);
    const lines = action.secretEnv.map(
      (name) => `export ${name}='${(action.env[name] ?? "").replaceAll("'", `'\\''`)}'\n`,
    );
    await writeFile(file, lines.join(""), { mode: 0o600 });
    await chmod(file, 0o600);
    return file;
  }

  async #forget(container: string): Promise<void> {
    const signal = AbortSignal.timeout(removalMilliseconds);
    const io = { output: () => {}, signal };
    await this.#ask(["rm", container], io).catch(() => undefined);
  }

  async #allowLoopback(texts: readonly string[]): Promise<void> {
    const hosts = loopbackHosts(texts).filter((host) => !this.#loopback.has(host));
    if (hosts.length === 0) return;
    const all = [...this.#loopback, ...hosts];
    await writeFile(registriesFileIn(this.#line.cwd), await registriesConfig(all, this.#line.env));
    for (const host of hosts) this.#loopback.add(host);
  }

  get #globals(): readonly string[] {
    return [...this.#storage, "--registries-conf", registriesFileIn(this.#line.cwd)];
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  /** Output is for people; a full disk is no fault of the step. */
  async #show(words: readonly string[], io: ActionIo): Promise<ActionEnd> {
    return this.#ended(await show(this.#line, [...this.#globals, ...words], io));
  }

  #ended({ exitCode, tail }: Pick<Said, "exitCode" | "tail">): ActionEnd {
    const fault = exitCode === 0 ? undefined : faultOfEngine("buildah", tail);
    if (fault !== undefined) throw fault;
    return { exitCode };
  }

  #ask(words: readonly string[], { signal }: Pick<ActionIo, "signal">): Promise<Said> {
    return ask(this.#line, [...this.#globals, ...words], signal);
  }
}

/** A network of its own would take plugins that are not everywhere, and keep builds from registries of this machine. */
const network = ["--network", "host"];
/** Neither a daemon nor rights to make containers are needed. */
const isolation = ["--isolation", "chroot", ...network];
/** Time that removing a container may take, once nobody waits for it any more. */
const removalMilliseconds = 60_000;
const secretPlace = "/run/waybill-secrets";
const pipePlace = "/run/waybill-output";

/** A command that is run in a container. */
interface CommandInContainer {
  readonly container: string;
  /** Of `buildah run`. */
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

const words = z.array(z.string()).nullish();

/** What `buildah inspect` says of a container, as far as anybody here asks. */
const imageCommandSchema = z.object({
  FromImageDigest: z.string().nullish(),
  OCIv1: z.object({ config: z.object({ Entrypoint: words, Cmd: words }).nullish() }).nullish(),
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
