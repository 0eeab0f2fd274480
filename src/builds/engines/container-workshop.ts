import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type {
  ActionEnd,
  ActionIo,
  ContainerRun,
  ExportedImage,
  ImageBuild,
  ImageTag,
  Workshop,
} from "../engine.ts";
import { ask, type CommandLine, show } from "./command-line.ts";
import { removeContainers, runContainer } from "./container-run.ts";
import { canonicalName, digestIn, findImage, obtainImage } from "./local-images.ts";

export interface MadeImage {
  /** What stands for it on this machine: an image. */
  readonly id: string;
  /** The parts of an index, in the words of the engine: what `export` puts together. */
  readonly index?: readonly string[];
}

export interface Built {
  readonly exitCode: number;
  readonly made?: MadeImage | undefined;
}

/** In what engines over one command line differ. */
export interface ContainerEngine {
  readonly line: CommandLine;
  /** Folders and sockets that every step gets, by where they are in the container. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Whether steps can speak to the engine by these mounts, and so make images of their own. */
  readonly isOpenToSteps: boolean;
  /** Names to look for when a step wants an image; the last is pulled. */
  imageNames(name: string): readonly string[];
  build(action: ImageBuild, file: (name: string) => string, io: ActionIo): Promise<Built>;
  export(
    made: MadeImage,
    folder: string,
    file: (name: string) => string,
    io: ActionIo,
  ): Promise<ExportedImage>;
  /** What the build made without a name, to be removed with it. */
  removeLeftovers(): Promise<void>;
}

/**
 * A workshop in an engine that everybody on the machine shares. What an image is named is remembered here with its id,
 * because another build may give the same name to something else meanwhile.
 */
export function openContainerWorkshop(engine: ContainerEngine, folder: string): Workshop {
  const mark = randomBytes(8).toString("hex");
  const label = `waybill.build=${mark}`;
  const made = new Map<string, MadeImage>();
  let count = 0;
  const file = (name: string) => join(folder, `${++count}-${name}`);
  const remember = (names: readonly string[], image: MadeImage) => {
    for (const name of names) made.set(canonicalName(name), image);
  };

  const build = async (action: ImageBuild, io: ActionIo): Promise<ActionEnd> => {
    const built = await engine.build(action, file, io);
    if (built.made !== undefined) remember(action.tags, built.made);
    return { exitCode: built.exitCode };
  };

  const tag = async ({ source, target }: ImageTag, io: ActionIo): Promise<ActionEnd> => {
    const known = made.get(canonicalName(source)) ?? (await findImage(engine.line, source, io.signal));
    // Without one here, the engine says so in its own words.
    const said = await show(engine.line, ["tag", known?.id ?? source, target], io);
    if (said.exitCode === 0 && known !== undefined) remember([target], known);
    return { exitCode: said.exitCode };
  };

  const run = async (action: ContainerRun, io: ActionIo): Promise<ActionEnd> => {
    const known = made.get(canonicalName(action.image));
    const image =
      (known && (await findImage(engine.line, known.id, io.signal))) ??
      (await obtainImage(engine.line, engine.imageNames(action.image), io));
    const before = await namesNow(engine, made, io.signal);
    const mounts = { ...engine.mounts, ...action.mounts };
    const name = `waybill-${mark}-${++count}`;
    const exitCode = await runContainer(engine.line, image.id, { ...action, mounts }, { name, label }, io);
    // A step that speaks to the engine may have given a name to something else; so may another build, but hardly just now.
    for (const [named, id] of await namesNow(engine, made, io.signal)) {
      if (before.get(named) !== id && made.get(named)?.id !== id) made.set(named, { id });
    }
    const digest = digestIn(image, action.image);
    return { exitCode, image: digest && { name: action.image, digest } };
  };

  return {
    async perform(action, io) {
      io.signal.throwIfAborted();
      if (action.kind === "build") return await build(action, io);
      return await (action.kind === "tag" ? tag(action, io) : run(action, io));
    },
    async export(image, target, io) {
      io.signal.throwIfAborted();
      const known = made.get(canonicalName(image)) ?? (await findImage(engine.line, image, io.signal));
      return known === undefined ? undefined : await engine.export(known, target, file, io);
    },
    async close() {
      await removeContainers(engine.line, label);
      await engine.removeLeftovers().catch(() => undefined);
    },
  };
}

/** What the names of a build stand for in the engine now, where steps can change that. */
async function namesNow(
  { line, isOpenToSteps }: ContainerEngine,
  made: ReadonlyMap<string, MadeImage>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (!isOpenToSteps || made.size === 0) return new Map();
  const format = "{{.Repository}}:{{.Tag}} {{.ID}}";
  const said = await ask(line, ["image", "ls", "--no-trunc", "--format", format], signal);
  const pairs = said.stdout.split("\n").flatMap((row): [string, string][] => {
    const [name = "", id = ""] = row.trim().split(" ");
    return made.has(canonicalName(name)) ? [[canonicalName(name), id]] : [];
  });
  return new Map(pairs);
}
