import { dirname, join, resolve } from "node:path";
import type { Bundle, BundledFile, LoadedImage, LoadTarget } from "../air-gap/index.ts";
import { errorCodeOf } from "../disk/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Registries } from "../registry/index.ts";
import type { Location } from "../settings/index.ts";
import { amount } from "./amount.ts";
import type { ExitCode } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { asJson, deliver } from "./output.ts";
import { recorded, withRecord } from "./recorded.ts";
import { withProgress } from "./registries.ts";
import type { Session } from "./session.ts";
import { dryRunOption, lineOfTransfer, moveOption, statusOfTransfers, transferExits } from "./transfer.ts";
import { type Blank, collect, how, look, type OptionsOf, out, verb } from "./verb.ts";

const define = (command: Blank) =>
  withRecord(command)
    .argument("<file>", "a file that waybill bundle create has made")
    .addOption(
      how
        .common(
          "--to <target>",
          "below what to put them, without the host; PREFIX=TARGET for some; repeatable",
        )
        .argParser(collect),
    )
    .addOption(look("--image <repository>", "only these repositories of it; globs").argParser(collect))
    .addOption(out("--files <folder>", "put the policies, keys and manifests of it there, as new files"))
    .addOption(moveOption())
    .addOption(dryRunOption());

type Options = OptionsOf<typeof define>;

export const bundleLoad = verb({
  name: "load",
  summary: "bring the images of such a file to registries or into folders",
  description: "bring the images of such a file to where they belong; no tag moves without --move",
  examples: [
    ["waybill bundle load all.tar", "to the registries that they are listed under, as waybill.yaml has them"],
    ["waybill bundle load all.tar --to registry.inside.example.com/mirror", "below another registry"],
    [
      "waybill bundle load all.tar --to quay.io=harbor.inside/quay --to gcr.io=harbor.inside/gcr",
      "each its own",
    ],
    [
      "waybill bundle load all.tar --to oci:/srv/images --files trust",
      "into folders, with keys and policies",
    ],
  ],
  exits: transferExits,
  page: "air-gapped.md",
  define,
  run,
});

async function run(session: Session, file: string, options: Options): Promise<ExitCode> {
  const { openBundle } = await import("../air-gap/index.ts");
  const bundle = await openBundle(file);
  try {
    return await recorded(session, options, { subject: file }, (inner, recording) =>
      interruptible(inner, async (interruption) => {
        const { loadBundle } = await import("../air-gap/index.ts");
        const { toAll } = await import("../events/index.ts");
        const { move = false, dryRun = false } = options;
        const selects = await selectionOf(options.image);
        const { listener } = recording;
        const shown = {
          title: "Loading",
          say: inner.terminal.detail,
          listener,
          interruption,
          finishes: true,
        };
        const locations = await locationsOf(bundle, options.to ?? []);
        const files = await takeFiles(bundle, locations, options);
        const images = await withProgress(inner, shown, async (registries, progress) =>
          loadBundle({
            ...{ bundle, selects, move, dryRun },
            targetOf: await targetsBy(registries, locations),
            signal: interruption.stop,
            listener: toAll(progress.listener, listener),
          }),
        );
        await deliver(inner, {
          text: (terminal) => {
            for (const image of images) terminal.print(lineOfTransfer(image, image.destination, dryRun));
            for (const { path, isThere } of files)
              terminal.print(`${isThere ? "already there:" : dryRun ? "would write" : "wrote"} ${path}`);
            terminal.print(`${bundle.digest} is what the file lists`);
          },
          json: () =>
            asJson({ file, digest: bundle.digest, dryRun, images, files: files.map(({ path }) => path) }),
        });
        await tellHints(inner, images);
        return statusOfTransfers(images);
      }),
    );
  } finally {
    await bundle.close();
  }
}

async function tellHints({ terminal }: Session, images: readonly LoadedImage[]): Promise<void> {
  const { cosignTagKindOf } = await import("../oci/index.ts");
  for (const hint of new Set(images.flatMap(({ failure }) => failure?.hint ?? [])))
    terminal.note(`hint: ${hint}`);
  const there = images.filter(({ result }) => result === "present").length;
  const attached = images.filter(({ tag }) => tag !== null && cosignTagKindOf(tag) !== undefined).length;
  const what = amount(images.length - attached, "image");
  const beside = attached === 0 ? "" : ` and ${amount(attached, "tag")} of what hangs on them`;
  if (images.length > 1) terminal.note(`${what}${beside}: ${there} already there`);
}

async function selectionOf(patterns: readonly string[] = []): Promise<(name: RepositoryName) => boolean> {
  const { parsePatterns } = await import("../edges/index.ts");
  const selected = await parsePatterns("--image", patterns);
  return (name) => selected.matches(name);
}

/** Where `--to` puts what is listed under a name. @throws {UsageError} for one that is no place. */
async function locationsOf(bundle: Bundle, given: readonly string[]): Promise<readonly Location[]> {
  const { folderPrefix } = await import("../settings/index.ts");
  const hosts = new Set([...bundle.images.keys()].map((name) => name.slice(0, name.indexOf("/"))));
  return given.flatMap((text): readonly Location[] => {
    const [, prefix, target = ""] = /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? [];
    const at = target.startsWith(folderPrefix)
      ? `${folderPrefix}${resolve(target.slice(folderPrefix.length))}`
      : target.replace(/\/+$/, "");
    if (prefix === "" || at === "")
      throw new UsageError(
        `--to ${text} names no place`,
        "write --to harbor.inside or --to quay.io=harbor.inside/quay",
      );
    return (prefix === undefined ? [...hosts] : [prefix]).map((repository) => ({ repository, at }));
  });
}

async function targetsBy(
  registries: Registries,
  locations: readonly Location[],
): Promise<(name: RepositoryName) => LoadTarget> {
  const { folderPrefix, locate } = await import("../settings/index.ts");
  return (name) => {
    const place = locate(locations, name);
    if (place.kind === "remote")
      return { repository: registries.repository(place.repository), shown: place.repository };
    const { folder } = place;
    return { repository: registries.at({ repository: name, folder }), shown: `${folderPrefix}${folder}` };
  };
}

/** A file that was carried, where it is now. */
interface TakenFile {
  readonly path: string;
  /** It stood there before, with the same bytes. */
  readonly isThere: boolean;
}

/** Writes what is carried below a folder, where nothing stands that is another file. */
async function takeFiles(
  bundle: Bundle,
  locations: readonly Location[],
  { files: folder, dryRun }: Options,
): Promise<readonly TakenFile[]> {
  if (folder === undefined) return [];
  const { createFile, diskFaultOf, ifPresent, makeFolder, readRegular } = await import("../disk/index.ts");
  const taken: TakenFile[] = [];
  for (const file of await settledHere(await bundle.files(), locations)) {
    const path = join(folder, file.path);
    const bytes = await file.read();
    let isThere = false;
    try {
      const known = await ifPresent(readRegular(path, Math.max(1, bytes.length)));
      isThere = known?.equals(bytes) === true;
      if (dryRun === undefined && !isThere) {
        await makeFolder(dirname(path));
        await createFile(path, bytes);
      }
    } catch (cause) {
      const { message, hint } = diskFaultOf(cause);
      const isOther = errorCodeOf(cause) === "EEXIST" || errorCodeOf(cause) === "EFBIG";
      throw new WaybillError("file-unwritable", isOther ? "another file has this name" : message, {
        ...{ where: path, cause },
        hint: isOther ? "name a folder that has no such file" : hint,
      });
    }
    taken.push({ path, isThere });
  }
  return taken;
}

const settingsFile = "waybill.yaml";

/** The files, with settings by which manifests are looked for where `--to` has put their images. */
async function settledHere(
  files: readonly BundledFile[],
  locations: readonly Location[],
): Promise<readonly BundledFile[]> {
  if (files.length === 0 || locations.length === 0) return files;
  const { jsonIn } = await import("../oci/index.ts");
  const carried = files.find(({ path }) => path === settingsFile);
  const said = carried === undefined ? {} : jsonIn(Buffer.from(await carried.read()).toString("utf8"));
  // Settings of another hand stay as they are.
  if (typeof said !== "object" || said === null || Array.isArray(said)) return files;
  const bytes = Buffer.from(`${JSON.stringify({ ...said, locations }, undefined, 2)}\n`);
  const settled = { path: settingsFile, size: bytes.length, read: async () => bytes };
  return [...files.filter((file) => file !== carried), settled];
}
