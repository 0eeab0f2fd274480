import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { executable, start } from "../support/built.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

/** Modules of Node's own whose loading is felt: each takes longer than what a short command does. */
const heavy = [
  "https",
  "tls",
  "http2",
  "child_process",
  "worker_threads",
  "readline",
  "repl",
  "crypto",
  "http",
];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let registry: RegistryServer;
let image: string;
let digest: string;

beforeAll(async () => {
  folder = await temporaryFolder("start");
  registry = await startRegistryServer({ dir: join(folder.path, "registry") });
  image = `${registry.address}/foo/app`;
  const registries = registriesWith();
  const built = await buildImage("app", "1.0");
  await pushImage(built, registries.repository(parseRepository(image)), [parseTag("1.0")]);
  await registries.close();
  ({ digest } = built.root.descriptor);
  await writeTree(join(folder.path, "tree"), [
    {
      name: "foo",
      source: "gcr.io/k8s-staging-foo",
      destinations: ["registry.example/foo"],
      images: { app: { [digest]: ["1.0"] } },
    },
  ]);
});

afterAll(async () => {
  await registry.close();
  await folder.remove();
});

/** Those of the {@link heavy} modules that a command loads, and the files of the package that it reads. */
async function loadedBy(argv: readonly string[]) {
  const told = `process.on("exit", () => process._rawDebug("LOADED " + process.moduleLoadList.join(",")))`;
  const { status, stderr } = await start(executable("waybill"), argv, {
    ...process.env,
    HOME: folder.path,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(told)}`,
  }).ended;
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const names = /^LOADED (.*)$/m
    .exec(stderr)?.[1]
    ?.split(",")
    .map((name) => name.replace("NativeModule ", ""));
  return heavy.filter((name) => names?.includes(name));
}

describe("a short command loads no more of Node than it uses", () => {
  it("to print the version", async () => {
    expect(await loadedBy(["--version"])).toEqual([]);
  });

  it("to check a small tree", async () => {
    expect(await loadedBy(["check", join(folder.path, "tree")])).toEqual([]);
  });

  it("to describe an image over plain HTTP: what hashes, and a client", async () => {
    expect(await loadedBy(["inspect", `${image}:1.0`])).toEqual(["crypto", "http"]);
  });

  it("to find the digest of an image in a folder: what hashes", async () => {
    const layout = `oci:${join(folder.path, "layout")}:1.0`;
    expect(await loadedBy(["copy", `${image}:1.0`, layout])).toEqual(["crypto", "http"]);
    expect(await loadedBy(["digest", layout])).toEqual(["crypto"]);
  });
});

/** Packages of others of which a command loads a file, as Node's own coverage tells. */
async function packagesOf(argv: readonly string[]): Promise<readonly string[]> {
  const told = join(folder.path, "coverage");
  await rm(told, { recursive: true, force: true });
  const { status } = await start(executable("waybill"), argv, {
    ...process.env,
    HOME: folder.path,
    NODE_V8_COVERAGE: told,
  }).ended;
  expect(status).toBe(0);
  const texts = await Promise.all((await readdir(told)).map((name) => readFile(join(told, name), "utf8")));
  const files = texts.flatMap((text) =>
    (JSON.parse(text) as { result: readonly { readonly url: string }[] }).result.map(({ url }) => url),
  );
  expect(files.some((file) => file.endsWith("/bin/waybill.js"))).toBe(true);
  const names = files.flatMap((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  return [...new Set(names)].sort();
}

describe("what verifies and signs is loaded by who has something to verify or to sign", () => {
  it("and not to plan or promote where no setting and no policy says anything of it", async () => {
    const tree = join(folder.path, "here");
    await writeTree(tree, [
      {
        name: "foo",
        source: `${registry.address}/foo`,
        destinations: [`${registry.address}/production`],
        images: { app: { [digest]: ["1.0"] } },
      },
    ]);
    expect(await packagesOf(["plan", tree])).toEqual([]);
    expect(await packagesOf(["promote", tree, "--confirm"])).toEqual([]);
  });
});
