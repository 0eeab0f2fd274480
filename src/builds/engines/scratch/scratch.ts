import { cp } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf, readRegular } from "../../../disk/index.ts";
import { type Descriptor, mediaTypes, type Platform } from "../../../oci/index.ts";
import type { ActionIo, Engine, ExportedImage, ImageBuild, Workshop } from "../../engine.ts";
import { BuildError } from "../../errors.ts";
import { findDockerfile } from "../build-sources.ts";
import { startLayout } from "../image-layout.ts";
import { canonicalName } from "../local-images.ts";
import { openContext } from "./copied.ts";
import { readDockerfile } from "./dockerfile.ts";
import { makeImage } from "./image.ts";

const maxDockerfileBytes = 1024 * 1024;

/**
 * No program at all: images that begin with nothing, and that files are copied into. It runs no step and no line of a Dockerfile, so it
 * needs neither a daemon nor rights, and makes an image for any platform.
 * @param version Waybill's own.
 */
export function scratchEngine(version: string): Engine {
  return { name: "scratch", version, open: async (folder) => openWorkshop(folder) };
}

function openWorkshop(folder: string): Workshop {
  const made = new Map<string, ExportedImage>();
  let count = 0;
  return {
    async perform(action, io) {
      io.signal.throwIfAborted();
      if (action.kind === "run") {
        throw new BuildError("engine-failed", "the engine scratch runs no steps", {
          where: action.image,
          hint: "this one needs a container: docker, podman or buildah",
        });
      }
      if (action.kind === "tag") {
        const known = made.get(canonicalName(action.source));
        if (known === undefined) io.output(Buffer.from(`no image is called ${action.source} here\n`));
        else made.set(canonicalName(action.target), known);
        return { exitCode: known === undefined ? 1 : 0 };
      }
      const image = await build(action, join(folder, `image-${++count}`), io);
      for (const tag of action.tags) made.set(canonicalName(tag), image);
      return { exitCode: 0 };
    },
    async export(image, target) {
      const known = made.get(canonicalName(image));
      if (known === undefined) return undefined;
      await cp(known.folder, target, { recursive: true });
      return { root: known.root, folder: target };
    },
    close: async () => undefined,
  };
}

async function build(action: ImageBuild, folder: string, io: ActionIo): Promise<ExportedImage> {
  const dockerfile = await findDockerfile(action);
  const where = action.known?.dockerfile ?? action.dockerfile;
  const text = (await readRegular(dockerfile, maxDockerfileBytes)).toString();
  const instructions = readDockerfile(text, where);
  await refuseIgnoring(action);
  if (action.target !== undefined) {
    throw new BuildError("engine-failed", "the engine scratch knows no stages", { where });
  }
  const layout = await startLayout(folder);
  const context = openContext(action.context);
  const asked = action.platforms.length === 0 ? [platformHere()] : action.platforms.map(platformOf);
  const say = (line: string) => io.output(Buffer.from(`${line}\n`));
  const images: (Descriptor & { readonly platform: Platform })[] = [];
  for (const platform of asked) {
    io.signal.throwIfAborted();
    const name = [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/");
    const onInstruction = ({ word, rest }: { readonly word: string; readonly rest: string }) =>
      say(`${name}: ${word} ${rest}`);
    const image = await makeImage(
      { instructions, where, context, build: action, onInstruction },
      platform,
      layout,
    );
    images.push({ ...image, platform });
  }
  const [first] = images;
  const root =
    images.length === 1 && first !== undefined
      ? { mediaType: first.mediaType, digest: first.digest, size: first.size }
      : await layout.putDocument({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: images });
  await layout.finish(root);
  for (const tag of action.tags) say(`${tag} is ${root.digest}`);
  return { root, folder };
}

/** What a `.dockerignore` leaves out would be in the image. */
async function refuseIgnoring({ context, known }: ImageBuild): Promise<void> {
  const path = join(context, ".dockerignore");
  const isThere = await readRegular(path, maxDockerfileBytes).then(
    () => true,
    (error: unknown) => errorCodeOf(error) !== "ENOENT",
  );
  if (!isThere) return;
  throw new BuildError("engine-failed", "the engine scratch does not read .dockerignore", {
    where: known?.context ?? context,
    hint: "name what is copied, one by one; docker, podman and buildah read it",
  });
}

function platformHere(): Platform {
  const names: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
  return { os: "linux", architecture: names[process.arch] ?? process.arch };
}

function platformOf(text: string): Platform {
  const [os = "", architecture = "", variant] = text.split("/");
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
