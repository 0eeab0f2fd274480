import type { BundledImage, BundleSource, CreatedBundle } from "../air-gap/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { Registries } from "../registry/index.ts";
import { amount } from "./amount.ts";
import { carriedFiles } from "./bundle-files.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { readForWork } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import { listSelected, targetOfImage } from "./place.ts";
import { formatBytes } from "./progress-tally.ts";
import { withProgress } from "./registries.ts";
import { type SelectionOptions, selectionOf, withSelection } from "./selection.ts";
import type { Session } from "./session.ts";
import { type Blank, how, look, type OptionsOf, out, verb } from "./verb.ts";

const define = (command: Blank) =>
  withSelection(
    command
      .argument("[images...]", "host/path:tag, host/path@digest, or host/path for its tags; oci:folder:tag")
      .addOption(out.common("--out <file>", "the file to make").makeOptionMandatory())
      .addOption(look.common("--manifests <tree>", "all images that these promoter manifests ask for"))
      .addOption(look("--staging", "take what manifests ask for from staging, not from production")),
  ).addOption(how.common("--dry-run", "look, say what would be in it, and write nothing"));

type Options = OptionsOf<typeof define>;

export const bundleCreate = verb({
  name: "create",
  summary: "put images, and what hangs on them, into one file",
  description:
    "put images, with what hangs on them and what it is verified by, into one file; run again, it goes on",
  examples: [
    ["waybill bundle create --out app.tar quay.io/team/app:v1", "an image with its signatures and SBOMs"],
    [
      "waybill bundle create --out all.tar --manifests .",
      "what these manifests ask for, as production has it",
    ],
    ["waybill bundle create --out kops.tar --manifests . --project kops", "of one project"],
    ["waybill bundle create --out app.tar quay.io/team/app --tag 'v1.*'", "such tags of a repository"],
  ],
  exits: {
    [exitCodes.asDesired]: "all that was asked for is in the file",
    [exitCodes.nothingDone]: "no file was made",
    [exitCodes.notAsDesired]: "the file was made, and lacks images that could not be had",
  },
  page: "air-gapped.md",
  define,
  run,
});

async function run(session: Session, images: readonly string[], options: Options): Promise<ExitCode> {
  const { manifests, staging = false, dryRun = false, out: file } = options;
  if (images.length > 0 === (manifests !== undefined)) {
    throw new UsageError(
      images.length > 0 ? "images and manifests are both named" : "nothing is named that it could hold",
      "name images, or a tree of promoter manifests: --manifests .",
    );
  }
  return interruptible(session, async (interruption) => {
    const { createBundle } = await import("../air-gap/index.ts");
    const shown = { title: "Reading images", say: session.terminal.detail, interruption };
    const { bundle, contested } = await withProgress(session, shown, async (registries, progress) => {
      const asked =
        manifests === undefined
          ? await namedImages(session, registries, images, options)
          : await askedByManifests(session, registries, manifests, { ...options, staging });
      const bundle = await createBundle({
        ...{ file, sources: asked.sources, files: asked.files, dryRun },
        signal: interruption.stop,
        listener: (event) => {
          if (event.type === "gathered" && !dryRun) progress.begin("Writing", 0);
          if (event.type === "progress") progress.listener(event);
        },
      });
      return { bundle, contested: asked.contested };
    });
    await deliver(session, {
      text: (terminal) => {
        for (const image of bundle.images) terminal.print(lineOf(image, dryRun));
        if (bundle.images.some(({ result }) => result === "bundled")) terminal.print(summaryOf(bundle, file));
      },
      json: () => asJson({ file, dryRun, ...bundle, contested }),
    });
    for (const hint of new Set(bundle.images.flatMap(({ failure }) => failure?.hint ?? [])))
      session.terminal.note(`hint: ${hint}`);
    for (const tag of contested)
      session.terminal.warn(`${tag} is asked for at two digests, and is left out: waybill check says where`);
    if (bundle.images.every(({ result }) => result !== "bundled")) {
      session.terminal.warn(
        `${dryRun ? "no file would be made" : "no file was made"}: no image could be had`,
      );
      return exitCodes.nothingDone;
    }
    const isWhole = contested.length === 0 && bundle.images.every(({ result }) => result === "bundled");
    return isWhole ? exitCodes.asDesired : exitCodes.notAsDesired;
  });
}

interface Asked {
  readonly sources: readonly BundleSource[];
  readonly files: Awaited<ReturnType<typeof carriedFiles>>;
  readonly contested: readonly string[];
}

async function namedImages(
  session: Session,
  registries: Registries,
  images: readonly string[],
  { project, image, to, tag: patterns }: SelectionOptions,
): Promise<Asked> {
  if (project !== undefined || image !== undefined || to !== undefined)
    throw new UsageError("--project, --image and --to select among manifests", "name them: --manifests TREE");
  const { parsePlace } = await import("../registry/index.ts");
  const { identifyImage } = await import("../inspect/index.ts");
  const sources: BundleSource[] = [];
  for (const text of images) {
    const place = parsePlace(text);
    const repository = registries.at(place);
    const source = { names: [place.repository], from: [repository] };
    if (place.tag === undefined && place.digest === undefined && patterns !== undefined) {
      const { tags, unread } = await listSelected(session, repository, place, { patterns, digests: true });
      const [first] = unread;
      if (first !== undefined)
        throw new WaybillError("unread", first.failure.message, { where: `${text}:${first.tag}` });
      const { imagesOf } = await import("../transfer/index.ts");
      const listed = imagesOf(tags).map(({ digest, tag }) => ({
        digest,
        tags: tag === undefined ? [] : [tag],
      }));
      sources.push({ ...source, images: listed });
      continue;
    }
    const { digest } = await identifyImage(repository, targetOfImage(place, text), place.shown);
    sources.push({ ...source, images: [{ digest, tags: place.tag === undefined ? [] : [place.tag] }] });
  }
  return { sources, files: await carriedFiles(session, undefined), contested: [] };
}

async function askedByManifests(
  session: Session,
  registries: Registries,
  path: string,
  options: SelectionOptions & { readonly staging: boolean },
): Promise<Asked> {
  const { askedSources } = await import("../air-gap/index.ts");
  const { scopeOf } = await import("../promotion/index.ts");
  const selection = await selectionOf(options);
  const tree = await readForWork(path, session, selection);
  const { edges } = scopeOf(tree, { selection });
  const from = options.staging ? "staging" : "production";
  const { sources, contested } = askedSources(edges, from, registries.repository);
  const projects = new Set(edges.feeds.map(({ manifest }) => manifest.project));
  const files = await carriedFiles(session, {
    ...tree,
    manifests: tree.manifests.filter(({ project }) => projects.has(project)),
  });
  return { sources, files, contested };
}

function lineOf(
  { repository, digest, tags, result, attached, failure }: BundledImage,
  dryRun: boolean,
): string {
  const name = tags.length === 0 ? `${repository}@${digest}` : `${repository}:${tags.join(",")} ${digest}`;
  if (result === "missing") return `missing ${name}: no registry that was asked has it`;
  if (result === "failed") return `failed ${name}: ${failure?.message}`;
  const more = attached === 0 ? "" : `, with ${amount(attached, "attachment")}`;
  return `${dryRun ? "would take" : "took"} ${name}${more}`;
}

function summaryOf({ digest, images, files, bytes, written }: CreatedBundle, file: string): string {
  const count = amount(images.filter(({ result }) => result === "bundled").length, "image");
  const what = `${count} and ${amount(files.length, "file")}, ${formatBytes(bytes)}`;
  if (written === undefined) return `${file} would hold ${what}`;
  const how = written.isOld
    ? "is as it was"
    : `read ${formatBytes(written.read)}, had ${formatBytes(written.reused)}`;
  return `${file} holds ${what} (${how})\n${digest} is what it lists: compare it on the other side`;
}
