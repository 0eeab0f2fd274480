import { type Command, Option } from "commander";
import type { PromoterManifest } from "../manifest/index.ts";
import type { RegistryContents, Snapshot } from "../snapshot/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { addExamples } from "./help.ts";
import { manifestsArgument, readForWork } from "./manifests.ts";
import { openProgress } from "./progress.ts";
import { openRegistriesFor } from "./registries.ts";
import type { Act, Session } from "./session.ts";

interface Options {
  readonly tag?: string;
  readonly minimal?: boolean;
  readonly format: "yaml" | "csv";
  readonly manifests?: string;
  readonly offline?: boolean;
}

export function defineSnapshot(program: Command, act: Act): void {
  const command = program
    .command("snapshot")
    .description("print what a registry holds, in the form of a list of images")
    .argument("<registry>", "registry, with a path if need be: host[/path]")
    .addOption(new Option("--tag <tag>", "only images with this tag"))
    .addOption(new Option("--minimal", "leave out untagged images that an index of their repository lists"))
    .addOption(new Option("--format <format>", "how to print").choices(["yaml", "csv"]).default("yaml"))
    .addOption(
      new Option(
        "--manifests <path>",
        `look at the repositories that these manifests name: ${manifestsArgument}`,
      ),
    )
    .addOption(new Option("--offline", "print what --manifests ask for, without looking at the registry"))
    .action(act(run));
  addExamples(command, [
    [
      "waybill snapshot gcr.io/k8s-staging-kubernetes",
      "everything below a path, where the registry lists it",
    ],
    ["waybill snapshot us.gcr.io/prod --manifests registry.k8s.io", "where it does not"],
    ["waybill snapshot us.gcr.io/prod --manifests registry.k8s.io --offline", "what ought to be there"],
  ]);
}

async function run(session: Session, registry: string, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const { contentsOfManifests } = await import("../snapshot/index.ts");
  const tree = options.manifests === undefined ? undefined : await readForWork(options.manifests, terminal);
  if (options.offline) {
    if (tree === undefined) throw new UsageError("--offline needs --manifests");
    await print(session, contentsOfManifests(tree.manifests, registry), options.format);
    return exitCodes.asDesired;
  }
  const { contents, unread, taggedOnly } = await look(session, registry, options, tree?.manifests);
  await print(session, contents, options.format);
  for (const { repository, message } of unread) terminal.warn(`${repository} could not be read: ${message}`);
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
  { tag, minimal = false }: Options,
  manifests: readonly PromoterManifest[] | undefined,
): Promise<Snapshot> {
  const { repositoriesOfManifests, takeSnapshot } = await import("../snapshot/index.ts");
  const progress = await openProgress(session.terminal);
  const registries = await openRegistriesFor(session, { progress });
  progress.begin("Reading the registry");
  try {
    return await takeSnapshot({
      prefix: registry,
      open: registries.repository,
      catalog: registries.catalog,
      minimal,
      tag,
      ...(manifests === undefined ? {} : { repositories: repositoriesOfManifests(manifests, registry) }),
    });
  } finally {
    progress.end();
    await registries.close();
  }
}

async function print(
  { terminal }: Session,
  contents: RegistryContents,
  format: Options["format"],
): Promise<void> {
  if (terminal.json) {
    const images = [...contents].map(([name, digests]) => [name, Object.fromEntries(digests)]);
    terminal.printJson(Object.fromEntries(images));
    return;
  }
  const { writeImages } = await import("../manifest/index.ts");
  terminal.write(writeImages(contents, format === "yaml" ? "snapshot" : "csv"));
}
