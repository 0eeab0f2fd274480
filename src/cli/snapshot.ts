import type { PromoterManifest } from "../manifest/index.ts";
import type { RegistryContents, Snapshot } from "../snapshot/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { manifestsArgument, readForWork } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import { misnamedInWords } from "./place.ts";
import { withProgress } from "./registries.ts";
import type { Session } from "./session.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("<registry>", "registry, with a path if need be: host[/path]")
    .addOption(how.common("--tag <tag>", "only images with this tag"))
    .addOption(how.common("--minimal", "leave out untagged images that an index of their repository lists"))
    .addOption(
      how.common("--format <format>", "how the list is written").choices(["yaml", "csv"]).default("yaml"),
    )
    .addOption(
      how.common(
        "--manifests <path>",
        `look at the repositories that these manifests name: ${manifestsArgument}`,
      ),
    )
    .addOption(how("--offline", "print what --manifests ask for, without looking at the registry"));

type Options = OptionsOf<typeof define>;

export const snapshot = verb({
  name: "snapshot",
  summary: "print what a registry holds, as a list of images",
  description: "print what a registry holds, in the form of a list of images",
  examples: [
    [
      "waybill registry snapshot gcr.io/k8s-staging-kubernetes",
      "everything below a path, where the registry lists it",
    ],
    ["waybill registry snapshot us.gcr.io/prod --manifests registry.k8s.io", "where it does not"],
    [
      "waybill registry snapshot us.gcr.io/prod --manifests registry.k8s.io --offline",
      "what ought to be there",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "everything was read",
    [exitCodes.nothingDone]: "nothing could be read, or is there",
    [exitCodes.notAsDesired]: "some repositories could not be read",
  },
  page: "registry.md",
  define,
  run,
});

async function run(session: Session, registry: string, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const { contentsOfManifests } = await import("../snapshot/index.ts");
  const tree = options.manifests === undefined ? undefined : await readForWork(options.manifests, session);
  if (options.offline) {
    if (tree === undefined) throw new UsageError("--offline needs --manifests");
    await print(session, contentsOfManifests(tree.manifests, registry), options.format);
    return exitCodes.asDesired;
  }
  const { contents, unread, taggedOnly, misnamed } = await look(session, registry, options, tree?.manifests);
  await print(session, contents, options.format);
  for (const { repository, message } of unread) terminal.warn(`${repository} could not be read: ${message}`);
  if (misnamed > 0) terminal.warn(misnamedInWords("in the repositories", misnamed));
  if (taggedOnly > 0) {
    terminal.note(
      `not seen: digests without tags in ${amount(taggedOnly, "repository")}; such registries list tags only`,
    );
  }
  return unread.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
}

async function look(
  session: Session,
  registry: string,
  { tag, minimal }: Options,
  manifests: readonly PromoterManifest[] | undefined,
): Promise<Snapshot> {
  const { repositoriesOfManifests, takeSnapshot } = await import("../snapshot/index.ts");
  return withProgress(session, { title: "Reading the registry" }, ({ repository: open, catalog }) =>
    takeSnapshot({
      ...{ prefix: registry, open, catalog, tag, minimal: minimal === true },
      ...(manifests === undefined ? {} : { repositories: repositoriesOfManifests(manifests, registry) }),
    }),
  );
}

async function print(session: Session, contents: RegistryContents, format: Options["format"]): Promise<void> {
  const { writeImages } = await import("../manifest/index.ts");
  await deliver(session, {
    text: (terminal) => terminal.write(writeImages(contents, format === "yaml" ? "snapshot" : "csv")),
    json: () =>
      asJson(Object.fromEntries([...contents].map(([name, digests]) => [name, Object.fromEntries(digests)]))),
  });
}
