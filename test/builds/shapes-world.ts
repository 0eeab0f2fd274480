import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildRequest, type PreparedBuild, prepareBuild, runBuild } from "../../src/builds/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { openRunFolder } from "../../src/store/index.ts";
import { resolved, usual } from "../cloudbuild/reading.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { temporaryFolder, writeFiles } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { makeShapeImages } from "./shape-images.ts";

const shapesFolder = join(import.meta.dirname, "../cloudbuild/shapes");

/** Names of all shapes: `01-seed-snoopdb`. */
export const shapes: readonly string[] = readdirSync(shapesFolder)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.replace(".yaml", ""));

/** What its first line says that it is. */
export function titleOf(shape: string): string {
  const text = readFileSync(join(shapesFolder, `${shape}.yaml`), "utf8");
  return /^# (.+?)\.?\n/.exec(text)?.[1] ?? shape;
}

/** What came of a shape, as far as it is the same wherever it is run. */
export interface ShapeRun {
  readonly status: string;
  readonly failure?: string;
  /** How each step ended, by build where there are several. */
  readonly steps: readonly string[];
  /** Behind the registry. */
  readonly pushed: readonly string[];
  /** Files that were kept. */
  readonly kept?: readonly string[];
  /** What steps in containers wrote, step by step. */
  readonly said: readonly string[];
}

/** A checkout with every shape and what they build from, and a registry with the images of their steps. */
export interface ShapesWorld {
  plan(shape: string): Promise<PreparedBuild["plan"]>;
  /** Runs a shape by Buildah. */
  run(shape: string): Promise<ShapeRun>;
  /** The log of a shape that has been run. */
  logOf(shape: string): string | undefined;
  close(): Promise<void>;
}

const secret = "correct-horse-battery-staple";

/** What a shape is started with beside what all are. */
const special: Readonly<Record<string, Partial<BuildRequest>>> = {
  "15-goreleaser": { withGitDir: true },
};

export async function openShapesWorld(): Promise<ShapesWorld> {
  const { path: folder, remove } = await temporaryFolder("shapes");
  const server = await startRegistryServer({ dir: join(folder, "registry") });
  const registries = registriesWith();
  const images = await makeShapeImages(join(folder, "images"), server.address, registries);
  const repository = await createRepository(join(folder, "checkout"));
  cpSync(join(shapesFolder, "../source"), repository.path, { recursive: true });
  for (const shape of shapes) {
    mkdirSync(join(repository.path, "shapes", shape), { recursive: true });
    cpSync(join(shapesFolder, `${shape}.yaml`), join(repository.path, "shapes", shape, "cloudbuild.yaml"));
  }
  await writeFiles(join(repository.path, "shapes/45-variants"), {
    "variants.yaml":
      'variants:\n  experimental: {CONFIG: experimental}\n  "1.33": {CONFIG: "1.33", GO_VERSION: 1.24.2}\n',
  });
  const environment = {
    ...gitEnvironment,
    TMPDIR: process.env.TMPDIR,
    CONTAINERS_REGISTRIES_CONF: join(folder, "registries.conf"),
  };
  const request = (shape: string, engine: "plan" | "buildah"): BuildRequest => ({
    configDir: join(repository.path, "shapes", shape),
    buildDir: repository.path,
    engine,
    project: "k8s-staging-demo",
    pushTo: `${server.address}/staging`,
    substitutions: usual.substitutions,
    environment,
    ...special[shape],
  });
  const plan = async (shape: string) => (await prepareBuild(request(shape, "plan"))).plan;

  const hosts = await provideStepImages();
  const registriesConf = [...hosts].map(
    (host) => `[[registry]]\nprefix = "${host}"\nlocation = "${server.address}/${host}"\ninsecure = true\n`,
  );
  writeFileSync(environment.CONTAINERS_REGISTRIES_CONF, registriesConf.join("\n"));
  await repository.commit();

  /** Puts an image under every name that a step runs in; the hosts of those names. */
  async function provideStepImages(): Promise<ReadonlySet<string>> {
    const names = new Set(
      shapes.flatMap((shape) => {
        const text = readFileSync(join(shapesFolder, `${shape}.yaml`), "utf8");
        return resolved(text, usual).steps.map(({ name }) => name);
      }),
    );
    // What an earlier step builds, and what it builds it from.
    names.delete("otter-builder");
    names.add("demo/base");
    const found = new Set<string>();
    for (const name of names) {
      const [, path = "", imageTag = "latest", pin] = /^([^@]+?)(?::([^:/@]+))?(?:@(.+))?$/.exec(name) ?? [];
      const isHosted = path.split("/", 1)[0]?.includes(".") === true;
      const place = isHosted ? path : `docker.io/${path.includes("/") ? path : `library/${path}`}`;
      found.add(place.split("/", 1)[0] ?? "");
      const digest = await images.push(name, place, imageTag);
      // The real image is not here, and what is here has another digest.
      if (pin !== undefined) replacePin(pin, digest);
    }
    return found;
  }

  function replacePin(from: string, to: string): void {
    for (const shape of shapes) {
      const file = join(repository.path, "shapes", shape, "cloudbuild.yaml");
      writeFileSync(file, readFileSync(file, "utf8").replaceAll(from, to));
    }
  }

  const logs = new Map<string, string>();
  return {
    plan,
    logOf: (shape) => logs.get(shape),
    async run(shape) {
      const { builds } = await plan(shape);
      const secrets = [...new Set(builds.flatMap(({ build }) => build.secrets.map(({ env }) => env)))];
      const result = await runBuild(() => prepareBuild(request(shape, "buildah")), {
        runs: openRunFolder(join(folder, "data", shape)),
        leaveOut: join(folder, "data", shape),
        job: shape,
        type: "periodic",
        open: registries.repository,
        environment: { ...environment, A_SECRET: secret },
        secrets: secrets.map((name) => `${name}=env:A_SECRET`),
        signal: new AbortController().signal,
      });
      const log = await readFile(join(result.run.folder, "build-log.txt"), "utf8");
      logs.set(shape, log);
      if (log.includes(secret)) throw new Error(`the log of ${shape} shows a secret`);
      return shapeRun(result, log, `${server.address}/staging/`);
    },
    async close() {
      await registries.close();
      await server.close();
      await remove();
    },
  };
}

/** What Buildah adds when a step fails. */
const fromBuildah = /: (?:subprocess exited with status \d+|Error: exit status \d+)$/;

/** What is another one each time. */
const moving: readonly (readonly [RegExp, string])[] = [
  [/(?<=HOSTNAME=)\w+/, "<host>"],
  [/127\.0\.0\.1:\d+/, "<registry>"],
  [/\b\d{10} \d+(?= main$)/, "<now> <process>"],
  // Whether it is masked, or there is none.
  [/(?<=was called: login (?:--username=|-u robot -p ))\S*/, "<secret>"],
  [/(?<=: v0\.1\.0-1-g9ba563e )\d+$/, "<process>"],
];

function shapeRun(
  { plan, outcomes, images, run }: Awaited<ReturnType<typeof runBuild>>,
  log: string,
  prefix: string,
): ShapeRun {
  const failure = outcomes.find((outcome) => outcome.failure !== undefined)?.failure?.message;
  const kept = join(run.folder, "artifacts/objects/build");
  const files =
    plan.builds[0]?.build.objects === undefined
      ? undefined
      : readdirSync(kept, { recursive: true, withFileTypes: true });
  const pushed = images.flatMap(({ repository, tags }) =>
    tags.map(
      (name) => `${repository.replace(prefix, "")}:${name.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, "<uuid>")}`,
    ),
  );
  const containers = (plan.builds[0]?.actions ?? []).flatMap((action, index) =>
    action.kind === "container" ? [index] : [],
  );
  const lines = log
    .split("\n")
    .filter((line) => !fromBuildah.test(line))
    .map((line) => moving.reduce((text, [pattern, word]) => text.replace(pattern, word), line));
  return {
    status: [...new Set(outcomes.map(({ status }) => status))].join(", "),
    ...(failure === undefined ? {} : { failure }),
    steps: outcomes.flatMap(({ name, steps }) =>
      steps.map(({ index, status, exitCode }) => {
        const code = exitCode === undefined || exitCode === 0 ? "" : ` (${exitCode})`;
        return `${outcomes.length > 1 ? `${name} ` : ""}#${index} ${status}${code}`;
      }),
    ),
    pushed: pushed.sort(),
    ...(files === undefined
      ? {}
      : {
          kept: files
            .filter((file) => file.isFile())
            .map(({ name }) => name)
            .sort(),
        }),
    // Of the lines of one step, those on standard output and on standard error come by two pipes, in no order.
    said: containers.flatMap((index) =>
      lines.filter((line) => new RegExp(`^Step #${index}\\b`).test(line)).sort(),
    ),
  };
}
