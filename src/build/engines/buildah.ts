import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../oci/index.ts";
import { isDigest } from "../../oci/index.ts";
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
import { type Environment, engineEnvironment, runProgram } from "../program.ts";
import { readExported } from "./exported.ts";
import { engineFailure, imageUnavailable } from "./failures.ts";
import { containerCommand, type ImageCommand, imageCommandSchema } from "./image-command.ts";
import { loopbackHosts, registriesConfig } from "./loopback.ts";

/**
 * Buildah, which needs neither a daemon nor rights to make containers: steps run in a changed root, on the network of this
 * machine. Each build has a store of its own, so that builds never meet, and nothing of them is left.
 */
export async function detectBuildah(environment: Environment): Promise<Engine | EngineAbsence> {
  const env = engineEnvironment(environment);
  try {
    const { exitCode, stdout } = await runProgram("buildah", ["--version"], {
      env,
      cwd: "/",
      output: () => {},
      signal: AbortSignal.timeout(20_000),
      captureStdout: true,
    });
    const version = /version ([\w.+~-]+)/.exec(stdout)?.[1];
    if (exitCode !== 0 || version === undefined) {
      return { reason: "buildah does not say its version", hint: "look what it says: buildah --version" };
    }
    return { name: "buildah", version, open: (folder) => openWorkshop(folder, env) };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { reason: error.message, hint: "install it: apt-get install buildah, or dnf install buildah" };
  }
}

async function openWorkshop(folder: string, environment: Environment): Promise<Workshop> {
  const store = join(folder, "store");
  const secrets = join(folder, "secrets");
  await Promise.all([store, secrets].map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
  return new BuildahWorkshop({ folder, store, secrets }, environment);
}

interface Places {
  readonly folder: string;
  readonly store: string;
  readonly secrets: string;
}

class BuildahWorkshop implements Workshop {
  readonly #places: Places;
  readonly #environment: Environment;
  readonly #storage: readonly string[];
  /** Registries of this machine that actions have named. */
  readonly #loopback = new Set<string>();
  /** Names that stand for an index, and its name in the store. */
  readonly #indexes = new Map<string, string>();
  #containers = 0;

  constructor(places: Places, environment: Environment) {
    this.#places = places;
    this.#environment = environment;
    const driver = environment.STORAGE_DRIVER ?? "vfs";
    this.#storage = [
      ...["--root", join(places.store, "root"), "--runroot", join(places.store, "run")],
      ...["--storage-driver", driver],
    ];
  }

  perform(action: Parameters<Workshop["perform"]>[0], io: ActionIo): Promise<ActionEnd> {
    if (action.kind === "build") return this.#build(action, io);
    if (action.kind === "run") return this.#runStep(action, io);
    const index = this.#indexes.get(action.source);
    if (index !== undefined) this.#indexes.set(action.target, index);
    return this.#run(["tag", index ?? action.source, action.target], io);
  }

  async export(image: string, folder: string, io: ActionIo): Promise<ExportedImage | undefined> {
    const index = this.#indexes.get(image);
    const target = `oci:${folder}:exported`;
    if (index !== undefined) {
      await this.#must(["manifest", "push", "--all", "--quiet", index, target], io);
      return readExported(folder);
    }
    const found = await this.#ask(["inspect", "--type", "image", "--format", "{{.FromImageID}}", image], io);
    if (found === undefined) return undefined;
    await this.#must(["push", "--quiet", image, target], io);
    return readExported(folder);
  }

  async close(): Promise<void> {
    if (process.getuid?.() === 0) return;
    // Files of images belong to other users, as this one sees them, and only this one's other self may remove them.
    await runProgram("buildah", ["unshare", "rm", "-rf", this.#places.store], {
      env: this.#environment,
      cwd: "/",
      output: () => {},
      signal: AbortSignal.timeout(60_000),
    }).catch(() => undefined);
  }

  async #build(action: ImageBuild, io: ActionIo): Promise<ActionEnd> {
    const dockerfile = await readDockerfile(action.dockerfile);
    await this.#allowLoopback([dockerfile, ...action.buildArgs]);
    const [name, ...others] = action.tags;
    const several = action.platforms.length > 1;
    const index = several ? `waybill-index-${this.#next()}` : undefined;
    const words = [
      ...["bud", "--isolation", "chroot", "--file", action.dockerfile],
      ...(needsDockerFormat(dockerfile) ? ["--format", "docker"] : []),
      ...action.buildArgs.flatMap((arg) => ["--build-arg", arg]),
      ...action.labels.flatMap((label) => ["--label", label]),
      ...(action.target === undefined ? [] : ["--target", action.target]),
      ...(action.platforms.length > 0 ? ["--platform", action.platforms.join(",")] : []),
      ...(action.pull ? ["--pull-always"] : []),
      ...(action.noCache ? ["--no-cache"] : []),
      ...(index === undefined ? action.tags.flatMap((tag) => ["--tag", tag]) : ["--manifest", index]),
    ];
    const end = await this.#run([...words, action.context], io);
    if (end.exitCode !== 0 || index === undefined || name === undefined) return end;
    for (const tag of [name, ...others]) this.#indexes.set(tag, index);
    return end;
  }

  async #runStep(action: ContainerRun, io: ActionIo): Promise<ActionEnd> {
    await this.#allowLoopback([action.image]);
    const container = `waybill-step-${this.#next()}`;
    await this.#from(action.image, container, io);
    try {
      const { digest, command } = await this.#describe(container, io);
      const secretFile = await this.#writeSecrets(action, container);
      const words = [
        ...["run", "--isolation", "chroot", "--workingdir", action.dir],
        ...Object.entries(action.env).flatMap(([name, value]) =>
          action.secretEnv.includes(name) ? [] : ["--env", `${name}=${value}`],
        ),
        ...Object.entries(action.mounts).flatMap(([inside, outside]) => ["--volume", `${outside}:${inside}`]),
        ...(secretFile === undefined ? [] : ["--volume", `${secretFile}:${secretPlace}:ro`]),
        ...[container, "--"],
        ...(secretFile === undefined ? [] : ["/bin/sh", "-c", `. ${secretPlace} && exec "$@"`, "sh"]),
        ...containerCommand(action, command),
      ];
      const end = await this.#run(words, io);
      return digest === undefined ? end : { ...end, image: { name: action.image, digest } };
    } finally {
      await this.#forget(container);
    }
  }

  /** A name that an earlier step built wins; of the others, those without a host are Docker's. */
  async #from(image: string, container: string, io: ActionIo): Promise<void> {
    const local = ["from", "--pull-never", "--name", container, image];
    if ((await this.#ask(local, io)) !== undefined) return;
    const said: Uint8Array[] = [];
    const words = ["from", "--quiet", "--name", container, `docker://${withHost(image)}`];
    const { exitCode } = await this.#run(words, { ...io, output: (chunk) => void said.push(chunk) });
    if (exitCode !== 0) throw imageUnavailable(image, Buffer.concat(said).toString("utf8"));
  }

  async #describe(
    container: string,
    io: ActionIo,
  ): Promise<{ readonly digest?: Digest; readonly command: ImageCommand }> {
    const text = await this.#ask(["inspect", "--type", "container", container], io);
    const parsed = imageCommandSchema.safeParse(JSON.parse(text ?? "null"));
    if (!parsed.success) {
      throw new BuildError("engine-failed", "buildah inspect says nothing of the container's image");
    }
    const { FromImageDigest: digest, OCIv1 } = parsed.data;
    const command = OCIv1?.config ?? {};
    return isDigest(digest ?? "") ? { digest: digest as Digest, command } : { command };
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
    const signal = AbortSignal.timeout(60_000);
    const options = { env: this.#environment, cwd: "/", output: () => {}, signal };
    await runProgram("buildah", [...this.#globals, "rm", container], options).catch(() => undefined);
  }

  async #allowLoopback(texts: readonly string[]): Promise<void> {
    const hosts = loopbackHosts(texts).filter((host) => !this.#loopback.has(host));
    if (hosts.length === 0) return;
    const all = [...this.#loopback, ...hosts];
    await writeFile(this.#registriesFile, await registriesConfig(all, this.#environment));
    for (const host of hosts) this.#loopback.add(host);
  }

  get #registriesFile(): string {
    return join(this.#places.folder, "registries.conf");
  }

  get #globals(): readonly string[] {
    const registries = this.#loopback.size === 0 ? [] : ["--registries-conf", this.#registriesFile];
    return [...this.#storage, ...registries];
  }

  #next(): number {
    this.#containers += 1;
    return this.#containers;
  }

  #run(words: readonly string[], io: ActionIo): Promise<ActionEnd> {
    return runProgram("buildah", [...this.#globals, ...words], {
      env: this.#environment,
      cwd: this.#places.folder,
      output: io.output,
      signal: io.signal,
    });
  }

  async #must(words: readonly string[], io: ActionIo): Promise<void> {
    const said: Uint8Array[] = [];
    const { exitCode } = await this.#run(words, { ...io, output: (chunk) => void said.push(chunk) });
    if (exitCode !== 0) throw engineFailure("buildah", words[0] ?? "", Buffer.concat(said).toString("utf8"));
  }

  /** What a command prints, or `undefined` when it fails. */
  async #ask(words: readonly string[], io: ActionIo): Promise<string | undefined> {
    const { exitCode, stdout } = await runProgram("buildah", [...this.#globals, ...words], {
      env: this.#environment,
      cwd: this.#places.folder,
      output: () => {},
      signal: io.signal,
      captureStdout: true,
    });
    return exitCode === 0 ? stdout : undefined;
  }
}

const secretPlace = "/run/waybill-secrets";

/** Bytes of a Dockerfile that are looked at. */
const largestDockerfile = 4 * 1024 * 1024;

async function readDockerfile(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    return size > largestDockerfile ? "" : await readFile(path, "utf8");
  } catch (cause) {
    throw new BuildError("dockerfile-missing", "there is no Dockerfile to build from", {
      where: path,
      hint: "--file of the step names it, from its dir on; by default it is Dockerfile in the context",
      cause,
    });
  }
}

/** What OCI's config has no word for, and Docker's has. */
function needsDockerFormat(dockerfile: string): boolean {
  return /^\s*(?:HEALTHCHECK|SHELL|ONBUILD)\s/im.test(dockerfile);
}

function withHost(image: string): string {
  const first = image.split("/", 1)[0] ?? "";
  if (first !== image && (/[.:]/.test(first) || first === "localhost")) return image;
  return `docker.io/${image.includes("/") ? image : `library/${image}`}`;
}
