import type { ImagePlace, Repository } from "../registry/index.ts";
import type { ExitCode } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { listSelected, targetOfImage } from "./place.ts";
import { withRecord } from "./recorded.ts";
import type { Session } from "./session.ts";
import { type AskedImages, dryRunOption, moveOption, runTransfer, transferExits } from "./transfer.ts";
import { type Blank, collect, look, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withRecord(command)
    .argument("<from>", "host/path:tag or host/path@digest, or oci:folder:tag")
    .argument("<to>", "the same; without a tag, under that of what is copied")
    .addOption(moveOption())
    .addOption(
      look
        .common("--tag <tag>", "such tags of a repository: a name, a glob, regex:… or semver:…; repeatable")
        .argParser(collect),
    )
    .addOption(look.common("--all-tags", "all tags of a repository").conflicts("tag"))
    .addOption(
      look("--platform <platform>", "the image of an index for it alone, under its own digest").conflicts([
        "tag",
        "allTags",
      ]),
    )
    .addOption(look("--referrers", "with what hangs on it: signatures, SBOMs, provenance"))
    .addOption(dryRunOption());

type Options = OptionsOf<typeof define>;

export const copy = verb({
  name: "copy",
  summary: "copy an image, or tags of a repository",
  description: "copy an image, whole and by its digest, or tags of a repository; no tag moves without --move",
  examples: [
    ["waybill copy registry.k8s.io/pause:3.9 localhost:5000/pause", "an image with all its platforms"],
    ["waybill copy localhost:5000/app@sha256:… quay.io/team/app:v1 --dry-run", "see what would be done"],
    ["waybill copy gcr.io/prod/app quay.io/prod/app --tag 'v1.*'", "all such tags of a repository"],
    ["waybill copy quay.io/team/app:v1 oci:/mnt/usb/app:v1 --referrers", "onto a disk, with its signatures"],
  ],
  exits: transferExits,
  page: "by-hand.md",
  define,
  run,
});

async function run(
  session: Session,
  source: string,
  destination: string,
  options: Options,
): Promise<ExitCode> {
  const { parsePlace } = await import("../registry/index.ts");
  const [from, to] = [parsePlace(source), parsePlace(destination)];
  const isMany = options.allTags === true || options.tag !== undefined;
  if (isMany) {
    for (const [text, place] of [
      [source, from],
      [destination, to],
    ] as const) {
      if (place.tag === undefined && place.digest === undefined) continue;
      throw new UsageError(
        `${text} names one image, and tags of a repository are to be copied`,
        `name the repository: ${place.shown}`,
      );
    }
  } else targetOfImage(from, source);
  const subject = `${source} to ${destination}`;
  return runTransfer(session, { from, to, subject }, options, (repository, inner) =>
    isMany ? askMany(inner, repository, from, options) : askOne(repository, { from, to, source }, options),
  );
}

async function askMany(
  session: Session,
  repository: Repository,
  from: ImagePlace,
  { tag: patterns = [] }: Options,
): Promise<AskedImages> {
  const { imagesOf } = await import("../transfer/index.ts");
  const { tags, unread } = await listSelected(session, repository, from, { patterns, digests: true });
  return { wanted: imagesOf(tags), unread };
}

async function askOne(
  repository: Repository,
  { from, to, source }: { readonly from: ImagePlace; readonly to: ImagePlace; readonly source: string },
  { platform }: Options,
): Promise<AskedImages> {
  const { identifyImage } = await import("../inspect/index.ts");
  const { digest } = await identifyImage(repository, targetOfImage(from, source), from.shown, { platform });
  if (to.digest !== undefined && to.digest !== digest) {
    throw new UsageError(
      `the destination names ${to.digest}, and what is copied is ${digest}`,
      "a digest is never another one: leave it out",
    );
  }
  const tag = to.tag ?? (to.digest === undefined ? from.tag : undefined);
  return { wanted: [{ tag, digest }] };
}
