import { join } from "node:path";
import { createFiles } from "../disk/index.ts";
import { parseRepository, parseTag } from "../oci/index.ts";
import { openRegistries } from "../registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../registry-server/index.ts";
import { buildImage, pushImage } from "./image.ts";

/** A command, word by word, and the lines that it printed. */
export interface DemoCommand {
  readonly words: readonly string[];
  readonly inBackground: boolean;
  readonly output: readonly string[];
}

/** One step of the demonstration: what it is, and the commands that it is done by. */
export interface DemoStep {
  readonly title: string;
  readonly commands: readonly DemoCommand[];
  /** A page that shows it. */
  readonly link?: string | undefined;
  /** Its link is the way in. */
  readonly isEntry?: boolean | undefined;
  /** It does not go on before somebody does something. */
  readonly isWaiting?: boolean | undefined;
}

/** What a command line of `waybill` came to: its exit status, and the lines of both of its streams as they came. */
export interface DemoOutcome {
  readonly status: number;
  readonly output: readonly string[];
}

/** Where to work, what runs command lines, and who is told of every step. */
export interface DemoOptions {
  /** An empty folder, for the registries' data and the manifests. */
  readonly folder: string;
  /** Runs a command line of `waybill`, without the program's name, with no settings and no credentials. */
  readonly run: (argv: readonly string[]) => Promise<DemoOutcome>;
  readonly onStep: (step: DemoStep) => void;
}

const regions = ["eu", "us"];

/**
 * A whole promotion on this machine: two embedded registries, images built on the spot, a promoter manifest, and
 * every step from staging to verified production. Resolves to whether all went as it should. Everything it starts is
 * stopped when it ends; what it wrote stays in the folder.
 */
export async function runDemo({ folder, run, onStep }: DemoOptions): Promise<boolean> {
  const staging = await startRegistryServer({ dir: join(folder, "staging") });
  const production = await startRegistryServer({ dir: join(folder, "production") }).catch(async (error) => {
    await staging.close();
    throw error;
  });
  try {
    const tree = join(folder, "tree");
    onStep({
      title: "Two registries: one for staging, one for production",
      commands: [served(join(folder, "staging"), staging), served(join(folder, "production"), production)],
    });
    await pushImages(staging.address);
    const manifest = await writeManifests(tree, staging.address, production.address);
    const show = async (title: string, ...argv: readonly string[]): Promise<boolean> => {
      const { status, output } = await run(argv);
      onStep({ title, commands: [{ words: ["waybill", ...argv], inBackground: false, output }] });
      return status === 0;
    };
    const source = `${staging.address}/demo`;
    const steps: (() => Promise<boolean>)[] = [
      () =>
        show("Images, built here and pushed to staging, as a build would", "registry", "snapshot", source),
      async () => {
        onStep({ title: "A promoter manifest: from where, to where", commands: [manifest] });
        return true;
      },
      () =>
        show(
          "Merge: the digests behind the chosen tags go into images.yaml, in place",
          ...["merge", tree, "--staging-repo", source, "--tag", "v1.*"],
        ),
      () => show("Check: offline, every problem at once", "check", tree),
      () => show("Plan: what would be done, and which line asks for it", "plan", tree),
      () => show("Promote: copy them, children before indexes, tags last", "promote", tree, "--confirm"),
      () => show("Promote again: nothing to do, nothing written", "promote", tree, "--confirm"),
      () => show("Verify: every tag at its digest, every image whole", "verify", tree),
    ];
    let succeeded = true;
    for (const step of steps) succeeded = (await step()) && succeeded;
    return succeeded;
  } finally {
    await Promise.all([staging.close(), production.close()]);
  }
}

/** The command that does what was done in this process, and what it would have printed. */
function served(dir: string, { address, url }: RegistryServer): DemoCommand {
  return {
    words: ["waybill", "registry", "serve", "--dir", dir, "--listen", address],
    inBackground: true,
    output: [`serving ${dir} at ${url}`],
  };
}

async function pushImages(staging: string): Promise<void> {
  const registries = openRegistries({ environment: {} });
  try {
    for (const [name, version] of [
      ["hello", "v1.0.0"],
      ["hello", "v1.1.0"],
      ["worker", "v1.0.0"],
    ] as const) {
      const repository = registries.repository(parseRepository(`${staging}/demo/${name}`));
      await pushImage(await buildImage(name, version), repository, [parseTag(version)]);
    }
  } finally {
    await registries.close();
  }
}

async function writeManifests(tree: string, staging: string, production: string): Promise<DemoCommand> {
  const manifest = [
    "registries:",
    `- name: ${staging}/demo`,
    "  src: true",
    ...regions.map((region) => `- name: ${production}/${region}/demo`),
  ];
  const images = ["# Images of the demonstration. Reviewed like any other change."];
  const path = join(tree, "manifests", "demo", "promoter-manifest.yaml");
  await createFiles([
    { path, text: `${manifest.join("\n")}\n` },
    { path: join(tree, "images", "demo", "images.yaml"), text: `${images.join("\n")}\n` },
  ]);
  return { words: ["cat", path], inBackground: false, output: manifest };
}
