import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { json } from "node:stream/consumers";
import {
  type BuildRequest,
  type BuildResult,
  prepareBuild,
  type RunBuildOptions,
  runBuild,
} from "../../src/builds/index.ts";
import { parseReference } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { openRunFolder } from "../../src/store/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { buildStepRoot } from "../support/step-image.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

/** A checkout to build from, a registry with an image for steps in it, and a folder for records. */
export interface BuildWorld {
  readonly folder: string;
  readonly repository: TestRepository;
  /** `host:port` of a registry that images may be pushed to. */
  readonly registry: string;
  /** An image with a shell, there. */
  readonly stepImage: string;
  readonly data: string;
  /** Writes files into the checkout and commits them. */
  commit(files: Readonly<Record<string, string>>): Promise<string>;
  /** Builds by Buildah; everything as a command line would have it. */
  build(
    request?: Partial<BuildRequest>,
    options?: Partial<RunBuildOptions>,
    /** What somebody does when the plan is there. */
    afterPlan?: () => Promise<void>,
  ): Promise<BuiltInWorld>;
  /** Where a tag of the registry stands. */
  digestOf(image: string): Promise<string | undefined>;
  /** The config of the image that a tag of the registry stands for. */
  configOf(image: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface BuiltInWorld {
  readonly result: BuildResult;
  /** `build-log.txt`. */
  readonly log: string;
}

export async function openBuildWorld(): Promise<BuildWorld> {
  const { path: folder, remove } = await temporaryFolder("build-world");
  const server = await startRegistryServer({ dir: join(folder, "registry") });
  const registries = registriesWith();
  const repository = await createRepository(join(folder, "checkout"));
  const data = join(folder, "data");
  const stepImage = `${server.address}/tools/step:1`;
  await pushStepImage(folder, stepImage);

  const environment = { ...gitEnvironment, TMPDIR: process.env.TMPDIR };
  return {
    folder,
    repository,
    registry: server.address,
    stepImage,
    data,
    async commit(files) {
      for (const [path, content] of Object.entries(files)) {
        const file = join(repository.path, path);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, content);
      }
      return repository.commit();
    },
    async build(request = {}, options = {}, afterPlan = async () => {}) {
      const runs = openRunFolder(data);
      const result = await runBuild(
        async () => {
          const prepared = await prepareBuild({
            configDir: repository.path,
            engine: "buildah",
            project: "k8s-staging-demo",
            registryFolder: join(data, "registry"),
            environment,
            ...request,
          });
          await afterPlan();
          return prepared;
        },
        {
          runs,
          leaveOut: data,
          job: "demo",
          type: "periodic",
          open: registries.repository,
          environment,
          signal: new AbortController().signal,
          ...options,
        },
      );
      return { result, log: await readFile(join(result.run.folder, "build-log.txt"), "utf8") };
    },
    async digestOf(image) {
      const { repository: name, tag } = parseReference(image);
      if (tag === undefined) return undefined;
      return (await registries.repository(name).resolve(tag))?.digest;
    },
    async configOf(image) {
      const { repository: name, tag } = parseReference(image);
      if (tag === undefined) return undefined;
      const from = registries.repository(name);
      const manifest = await from.fetch(tag);
      const { config } = JSON.parse(Buffer.from(manifest?.bytes ?? []).toString());
      return json(await from.open(config));
    },
    async close() {
      await registries.close();
      await server.close();
      await remove();
    },
  };
}

/** Builds the image of steps as everything else is built here: by Buildah. */
async function pushStepImage(folder: string, image: string): Promise<void> {
  const context = join(folder, "step-image");
  await mkdir(context);
  buildStepRoot(context);
  const store = join(folder, "step-store");
  const buildah = async (...words: string[]): Promise<void> => {
    const globals = [
      "--root",
      join(store, "root"),
      "--runroot",
      join(store, "run"),
      "--storage-driver",
      "vfs",
    ];
    execFileSync("buildah", [...globals, ...words], { stdio: "pipe" });
  };
  await buildah("bud", "--isolation", "chroot", "--network", "host", "--tag", image, context);
  // The registry is served by this process, which must not be blocked while it is pushed to.
  const { run } = await import("../support/child.ts");
  const globals = ["--root", join(store, "root"), "--runroot", join(store, "run"), "--storage-driver", "vfs"];
  const pushed = await run("buildah", [...globals, "push", "--tls-verify=false", image]);
  if (pushed.code !== 0) throw new Error(pushed.stderr);
}
