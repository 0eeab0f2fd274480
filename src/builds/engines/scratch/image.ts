import { gunzipSync, gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { type Descriptor, digestOf, mediaTypes, type Platform } from "../../../oci/index.ts";
import type { ImageBuild } from "../../engine.ts";
import type { LayoutWriter } from "../image-layout.ts";
import type { ContextReader, LayerEntry } from "./copied.ts";
import { type Instruction, pairsOf, refused, substituted, wordsOf } from "./dockerfile.ts";

/** What an image says of itself (config.md). */
interface ImageWords {
  readonly Env: string[];
  readonly Labels: Record<string, string>;
  readonly ExposedPorts: Record<string, object>;
  WorkingDir?: string;
  User?: string;
  Entrypoint?: readonly string[];
  Cmd?: readonly string[];
}

/** What a build is made of. */
export interface Recipe {
  readonly instructions: readonly Instruction[];
  /** How people know the Dockerfile. */
  readonly where: string;
  readonly context: ContextReader;
  readonly build: Pick<ImageBuild, "buildArgs" | "labels">;
  /** Is told of each instruction that is done. */
  readonly onInstruction: (instruction: Instruction, platform: Platform) => void;
}

/**
 * Makes the image of one platform, and writes it into a layout. The same files make the same image: nothing of it says when or by whom
 * it was made.
 */
export async function makeImage(
  recipe: Recipe,
  platform: Platform,
  layout: LayoutWriter,
): Promise<Descriptor> {
  const { instructions, where, build } = recipe;
  const given = new Map(build.buildArgs.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
  const offered = new Map([
    ["TARGETOS", platform.os],
    ["TARGETARCH", platform.architecture],
    ["TARGETVARIANT", platform.variant ?? ""],
    ["TARGETPLATFORM", [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/")],
  ]);
  const values = new Map<string, string>();
  const words: ImageWords = { Env: [], Labels: {}, ExposedPorts: {} };
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  const history: { readonly created_by: string; readonly empty_layer?: true }[] = [];

  for (const instruction of instructions) {
    const { word, rest, line } = instruction;
    const text = substituted(rest, values);
    recipe.onInstruction(instruction, platform);
    if (word === "ARG") {
      const [name = "", usual] = rest.split(/=(.*)/s);
      values.set(
        name,
        given.get(name) ?? (usual === undefined ? offered.get(name) : substituted(usual, values)) ?? "",
      );
      continue;
    }
    if (word === "FROM") continue;
    if (word === "COPY") {
      const entries = await copied(instruction, text, recipe, words.WorkingDir);
      const packed = gzipSync(await packedLayer(entries));
      packed[9] = 0xff;
      layers.push(await layout.put(mediaTypes.ociLayer, packed));
      diffIds.push(digestOf(gunzipSync(packed)));
      history.push({ created_by: `COPY ${text}` });
      continue;
    }
    say(words, values, { word, text, where, line });
    history.push({ created_by: `${word} ${text}`, empty_layer: true });
  }
  for (const label of build.labels) {
    const [name = "", value = ""] = label.split(/=(.*)/s);
    words.Labels[name] = value;
  }
  const { os, architecture, variant } = platform;
  const config = await layout.put(
    mediaTypes.ociConfig,
    Buffer.from(
      JSON.stringify({
        ...{ architecture, os, ...(variant === undefined ? {} : { variant }) },
        config: shownWords(words),
        rootfs: { type: "layers", diff_ids: diffIds },
        history,
      }),
    ),
  );
  return layout.putDocument({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers });
}

async function copied(
  { rest, line }: Instruction,
  text: string,
  { where, context }: Recipe,
  workingDir = "/",
): Promise<readonly LayerEntry[]> {
  const flags =
    rest
      .match(/^(?:--\S+\s+)+/)?.[0]
      ?.trim()
      .split(/\s+/) ?? [];
  const odd = flags.find((flag) => !/^--chmod=0?[0-7]{3}$/.test(flag));
  if (odd !== undefined) throw refused(where, line, `COPY ${odd.slice(0, 60)}`);
  const mode =
    flags.length === 0 ? undefined : Number.parseInt((flags.at(-1) ?? "").slice("--chmod=".length), 8);
  const all = text.startsWith("[") ? listOf(text) : wordsOf(text);
  const paths = all?.filter((word) => !word.startsWith("--")) ?? [];
  const target = paths.at(-1);
  if (target === undefined || paths.length < 2)
    throw refused(where, line, "COPY without a source and a target");
  const odder = paths.find((path) => /[*?[]/.test(path));
  if (odder !== undefined) throw refused(where, line, "COPY with patterns");
  return context.read(paths.slice(0, -1), target.startsWith("/") ? target : `${workingDir}/${target}`, mode);
}

function say(
  words: ImageWords,
  values: Map<string, string>,
  {
    word,
    text,
    where,
    line,
  }: Pick<Instruction, "word" | "line"> & { readonly text: string; readonly where: string },
): void {
  const list = (): readonly string[] => {
    const read = listOf(text);
    if (read === undefined) throw refused(where, line, `${word} without brackets, which needs a shell`);
    return read;
  };
  if (word === "ENV") {
    for (const [name, value] of pairsOf(text)) {
      const at = words.Env.findIndex((known) => known.startsWith(`${name}=`));
      words.Env.splice(at < 0 ? words.Env.length : at, at < 0 ? 0 : 1, `${name}=${value}`);
      values.set(name, value);
    }
  } else if (word === "LABEL") {
    for (const [name, value] of pairsOf(text)) words.Labels[name] = value;
  } else if (word === "EXPOSE") {
    for (const port of wordsOf(text)) words.ExposedPorts[port.includes("/") ? port : `${port}/tcp`] = {};
  } else if (word === "WORKDIR") {
    words.WorkingDir = text.startsWith("/") ? text : `${words.WorkingDir ?? ""}/${text}`;
  } else if (word === "USER") words.User = text;
  else if (word === "ENTRYPOINT") words.Entrypoint = list();
  else words.Cmd = list();
}

function listOf(text: string): readonly string[] | undefined {
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) && read.every((item) => typeof item === "string") ? read : undefined;
  } catch {
    return undefined;
  }
}

function shownWords({ Env, Labels, ExposedPorts, ...rest }: ImageWords): object {
  const isThere = (value: object): boolean => Object.keys(value).length > 0;
  return {
    ...rest,
    ...(isThere(Env) ? { Env } : {}),
    ...(isThere(Labels) ? { Labels } : {}),
    ...(isThere(ExposedPorts) ? { ExposedPorts } : {}),
  };
}

function packedLayer(entries: readonly LayerEntry[]): Promise<Uint8Array> {
  const common = { mtime: new Date(0), uid: 0, gid: 0 };
  return packTar(
    entries.map((entry) => {
      const { name } = entry;
      if (entry.kind === "link") {
        return {
          header: { ...common, name, mode: 0o777, size: 0, type: "symlink" as const, linkname: entry.target },
        };
      }
      if (entry.kind === "folder") {
        return {
          header: { ...common, name: `${name}/`, mode: entry.mode, size: 0, type: "directory" as const },
        };
      }
      return { header: { ...common, name, mode: entry.mode, size: entry.bytes.length }, body: entry.bytes };
    }),
  );
}
