import type { TagList } from "../inspect/index.ts";
import type { ImagePlace, Registries } from "../registry/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { asJson, deliver } from "./output.ts";
import { listSelected, misnamedInWords } from "./place.ts";
import { withRegistries } from "./registries.ts";
import type { Session } from "./session.ts";
import { type Blank, collect, look, type OptionsOf, out, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("<place>", "host/path or oci:folder for tags; host or host/path/ for repositories")
    .addOption(
      look
        .common("--tag <tag>", "only such: a name, a glob, regex:… or semver:…; repeatable")
        .argParser(collect),
    )
    .addOption(out.common("--digests", "what each tag stands for; --verbose shows it, too"));

type Options = OptionsOf<typeof define>;

export const ls = verb({
  name: "ls",
  summary: "list the tags of a repository, or repositories",
  description: "list the tags of a repository, or the repositories of a registry where it lists them",
  examples: [
    ["waybill ls registry.k8s.io/pause", "the tags of a repository"],
    ["waybill ls registry.k8s.io/pause --tag 'semver:>=3.9' --digests", "some, and what they stand for"],
    ["waybill ls localhost:5000", "the repositories of a registry"],
    ["waybill ls gcr.io/k8s-staging-kubernetes/", "those below a path"],
    ["waybill ls oci:/mnt/usb/app", "the tags of an image layout"],
  ],
  exits: {
    [exitCodes.asDesired]: "listed, to the end",
    [exitCodes.nothingDone]: "it cannot be listed, or is not there, or no tag is selected",
    [exitCodes.notAsDesired]: "with --digests: some tags could not be read",
  },
  page: "by-hand.md",
  define,
  run,
});

async function run(session: Session, text: string, options: Options): Promise<ExitCode> {
  return withRegistries(session, { say: session.terminal.detail }, async (registries) => {
    const prefix = prefixIn(text);
    if (prefix !== undefined) {
      refuseTagOptions(text, options);
      const { findRepositories } = await import("../snapshot/index.ts");
      const { repository: open, catalog } = registries;
      let misnamed = 0;
      const onMisnamed = (): void => {
        misnamed += 1;
      };
      const found = await findRepositories({ prefix, open, catalog, onMisnamed });
      if (misnamed > 0) session.terminal.warn(misnamedInWords(`in ${prefix}`, misnamed, "repositories"));
      return printRepositories(session, text, found, misnamed);
    }
    const { parsePlace } = await import("../registry/index.ts");
    const place = parsePlace(text);
    const target = place.digest ?? place.tag;
    if (target !== undefined) {
      throw new UsageError(`${text} names an image, and what is listed are tags`, `waybill digest ${text}`);
    }
    const below = await layoutsIn(place);
    if (below !== undefined) {
      refuseTagOptions(text, options);
      return printRepositories(session, text, below);
    }
    return listTagsOf(session, registries, place, options);
  });
}

/** A host, or a host with a path that ends with a slash: what is below it is listed. */
function prefixIn(text: string): string | undefined {
  if (text.startsWith("oci:") || (text.includes("/") && !text.endsWith("/"))) return undefined;
  return text.replace(/\/+$/, "");
}

/** The image layouts below a folder that is none itself. */
async function layoutsIn({ folder, shown }: ImagePlace): Promise<readonly string[] | undefined> {
  if (folder === undefined) return undefined;
  const { isLayout, openLayoutFolder } = await import("../registry/index.ts");
  if (await isLayout(folder)) return undefined;
  const names = await (await openLayoutFolder(folder)).names();
  return names.map((name) => `${shown.replace(/\/+$/, "")}/${name}`);
}

function refuseTagOptions(text: string, { tag, digests }: Options): void {
  if (tag === undefined && digests === undefined) return;
  throw new UsageError(`${text} is no repository, and only those have tags`, "name one of its repositories");
}

async function printRepositories(
  session: Session,
  text: string,
  found: readonly string[],
  misnamed = 0,
): Promise<ExitCode> {
  const repositories = [...found].sort();
  await deliver(session, {
    text: (terminal) => {
      for (const name of repositories) terminal.print(name);
      if (repositories.length === 0) session.terminal.note(`${text} has no repositories`);
    },
    json: () => asJson({ place: text, repositories, misnamed }),
  });
  return exitCodes.asDesired;
}

async function listTagsOf(
  session: Session,
  registries: Registries,
  place: ImagePlace,
  { tag: patterns = [], digests }: Options,
): Promise<ExitCode> {
  const { shown } = place;
  const withDigests = digests === true || session.terminal.verbose;
  const list = await listSelected(session, registries.at(place), place, { patterns, digests: withDigests });
  const { tags, unread, others, children, misnamed } = list;
  await deliver(session, {
    text: (terminal) => terminal.write(tagsInLines(list)),
    json: () =>
      asJson({
        place: shown,
        tags,
        unread,
        others: others.length,
        misnamed,
        repositories: children.map((name) => `${shown}/${name}`),
      }),
  });
  for (const { tag, failure } of unread)
    session.terminal.warn(`${shown}:${tag} could not be read: ${failure.message}`);
  if (others.length > 0) session.terminal.note(`not listed: ${amount(others.length, "other tag")}`);
  if (tags.length === 0 && unread.length === 0) session.terminal.note(`${shown} has no tags`);
  if (children.length > 0)
    session.terminal.note(`below it: ${amount(children.length, "name")}; waybill ls ${shown}/ lists them`);
  return unread.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
}

function tagsInLines({ tags }: TagList): string {
  const width = tags.reduce((widest, { tag }) => Math.max(widest, tag.length), 0);
  const lines = tags.map(({ tag, digest }) =>
    digest === undefined ? tag : `${tag.padEnd(width)}  ${digest}`,
  );
  return lines.map((line) => `${line}\n`).join("");
}
