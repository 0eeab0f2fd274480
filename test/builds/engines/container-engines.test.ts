import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test as plainTest } from "vitest";
import type {
  ContainerRun,
  Engine,
  EngineAction,
  ExportedImage,
  ImageBuild,
  Workshop,
} from "../../../src/builds/engine.ts";
import { detectDocker } from "../../../src/builds/engines/docker.ts";
import { detectPodman } from "../../../src/builds/engines/podman.ts";
import { run } from "../../support/child.ts";
import { startPodman, type TestPodman } from "../../support/podman.ts";
import { hasProgram, testWith } from "../../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-engines-"));
let podman: TestPodman | undefined;

beforeAll(async () => {
  if (hasProgram("podman")) podman = await startPodman();
}, 120_000);
afterAll(async () => {
  await podman?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const engines = [
  ["docker", detectDocker, testWith("podman", "docker")],
  ["podman", detectPodman, testWith("podman")],
] as const;

let count = 0;
function emptyFolder(): string {
  const path = join(folder, String(count++));
  mkdirSync(path);
  return path;
}

function contextWith(dockerfile: string, name = "Dockerfile"): ImageBuild {
  const context = emptyFolder();
  writeFileSync(join(context, name), dockerfile);
  writeFileSync(join(context, "file"), `content of ${context}\n`);
  return {
    kind: "build",
    context,
    dockerfile: join(context, "Dockerfile"),
    tags: [],
    buildArgs: [],
    labels: [],
    platforms: [],
    pull: false,
    noCache: false,
  };
}

function io(signal = new AbortController().signal) {
  const written: Buffer[] = [];
  return {
    output: (chunk: Uint8Array) => void written.push(Buffer.from(chunk)),
    signal,
    text: () => Buffer.concat(written).toString(),
  };
}

function readBlob(exported: ExportedImage, digest: string): Buffer {
  const bytes = readFileSync(join(exported.folder, "blobs", "sha256", digest.replace("sha256:", "")));
  expect(`sha256:${createHash("sha256").update(bytes).digest("hex")}`).toBe(digest);
  return bytes;
}

const readJson = (exported: ExportedImage, digest: string) =>
  JSON.parse(readBlob(exported, digest).toString());

/** Reads an image of a layout as a registry would hand it out; everything is hashed. */
function readImage(exported: ExportedImage, digest: string = exported.root.digest) {
  const manifest = readJson(exported, digest);
  expect(manifest.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
  const config = readJson(exported, manifest.config.digest);
  const layers: Buffer[] = manifest.layers.map(
    (layer: { mediaType: string; digest: string; size: number }) => {
      expect(layer.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+gzip");
      const bytes = readBlob(exported, layer.digest);
      expect(bytes.length).toBe(layer.size);
      return gunzipSync(bytes);
    },
  );
  expect(layers.map((layer) => `sha256:${createHash("sha256").update(layer).digest("hex")}`)).toEqual(
    config.rootfs.diff_ids,
  );
  return { config, layers };
}

describe.each(engines)("%s", (name, detect, test) => {
  const begin = async (more: Readonly<Record<string, string>> = {}): Promise<Workshop> => {
    const engine = await detect({ ...podman?.environment, ...more });
    if ("reason" in engine) throw new Error(engine.reason);
    expect(engine).toMatchObject({ name, version: expect.stringMatching(/^\d+\.\d+/) });
    return await (engine as Engine).open(emptyFolder());
  };
  const exported = async (workshop: Workshop, image: string) => {
    const found = await workshop.export(image, emptyFolder(), io());
    if (found === undefined) throw new Error(`there is no ${image}`);
    expect(readdirSync(found.folder).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
    expect(JSON.parse(readFileSync(join(found.folder, "index.json"), "utf8")).manifests).toHaveLength(1);
    return found;
  };
  const scratch = "FROM scratch\nARG WHO\nLABEL who=$WHO\nCOPY file /file\n";

  test("builds, tags and exports an image", async () => {
    const workshop = await begin();
    const build = {
      ...contextWith(scratch),
      tags: ["gcr.io/p/a:1", "gcr.io/p/a:2"],
      buildArgs: ["WHO=you and me"],
      labels: ["extra=e=f"],
    };
    expect(await workshop.perform(build, io())).toEqual({ exitCode: 0 });
    expect(
      await workshop.perform({ kind: "tag", source: "gcr.io/p/a:2", target: "gcr.io/p/b" }, io()),
    ).toEqual({ exitCode: 0 });
    const first = await exported(workshop, "gcr.io/p/a:1");
    const { config, layers } = readImage(first);
    expect(config).toMatchObject({ os: "linux", config: { Labels: { who: "you and me", extra: "e=f" } } });
    expect(layers.some((layer) => layer.includes(`content of ${build.context}`))).toBe(true);
    const again = await exported(workshop, "gcr.io/p/b:latest");
    expect(again.root).toEqual(first.root);
    await workshop.close();
  });

  test("has no logins where the folder that DOCKER_CONFIG names has none", async () => {
    const workshop = await begin({ DOCKER_CONFIG: join(emptyFolder(), "none") });
    const build = { ...contextWith(scratch), tags: ["gcr.io/p/no-logins"], buildArgs: [], labels: [] };
    expect(await workshop.perform(build, io())).toEqual({ exitCode: 0 });
    await exported(workshop, "gcr.io/p/no-logins");
    await workshop.close();
  });

  test("knows no image that is not there, and pulls none", async () => {
    const workshop = await begin();
    expect(await workshop.export("gcr.io/p/never-built:1", emptyFolder(), io())).toBeUndefined();
    const io_ = io();
    const end = await workshop.perform({ kind: "tag", source: "gcr.io/p/never-built:1", target: "x" }, io_);
    expect(end.exitCode).not.toBe(0);
    expect(io_.text()).toMatch(/never-built/);
    await workshop.close();
  });

  test("keeps apart what two builds give the same name", async () => {
    const [one, two] = await Promise.all([begin(), begin()]);
    const builds = [contextWith(scratch), contextWith(scratch)].map((build) => ({
      ...build,
      tags: ["gcr.io/p/same:1"],
    }));
    const [first, second] = builds;
    if (first === undefined || second === undefined) throw new Error("two were made");
    await one.perform(first, io());
    await two.perform(second, io());
    const files = [await exported(one, "gcr.io/p/same:1"), await exported(two, "gcr.io/p/same:1")].map(
      (found) => Buffer.concat(readImage(found).layers).toString("latin1"),
    );
    expect(files[0]).toContain(first.context);
    expect(files[1]).toContain(second.context);
    await Promise.all([one.close(), two.close()]);
  });

  test("builds an index for several platforms", async () => {
    const workshop = await begin();
    const platforms = ["linux/amd64", "linux/arm64"];
    const build = { ...contextWith(scratch), tags: ["gcr.io/p/multi:1"], platforms };
    const io_ = io();
    expect(await workshop.perform(build, io_), io_.text()).toEqual({ exitCode: 0 });
    await workshop.perform({ kind: "tag", source: "gcr.io/p/multi:1", target: "gcr.io/p/multi:2" }, io());
    const found = await exported(workshop, "gcr.io/p/multi:2");
    expect(found.root.mediaType).toBe("application/vnd.oci.image.index.v1+json");
    const { manifests } = readJson(found, found.root.digest);
    const architectures = manifests.map(
      (entry: { platform: { architecture: string } }) => entry.platform.architecture,
    );
    expect(architectures.sort()).toEqual(["amd64", "arm64"]);
    expect(manifests).toHaveLength(2);
    for (const { digest, platform } of manifests) {
      expect(readImage(found, digest).config.architecture).toBe(platform.architecture);
    }
    await workshop.close();
  });

  test("builds for one platform that is not its own", async () => {
    const workshop = await begin();
    const build = { ...contextWith(scratch), tags: ["gcr.io/p/foreign:1"], platforms: ["linux/s390x"] };
    expect(await workshop.perform(build, io())).toEqual({ exitCode: 0 });
    expect(readImage(await exported(workshop, "gcr.io/p/foreign:1")).config.architecture).toBe("s390x");
    await workshop.close();
  });

  test("says what is missing, and lets a Dockerfile fail by its exit code", async () => {
    const workshop = await begin();
    const build = contextWith(scratch, "Containerfile.other");
    await expect(workshop.perform(build, io())).rejects.toMatchObject({ code: "dockerfile-missing" });
    const nowhere = { ...build, context: join(build.context, "nowhere") };
    await expect(workshop.perform(nowhere, io())).rejects.toMatchObject({ code: "dockerfile-missing" });
    const lower = { ...contextWith(scratch, "dockerfile"), tags: ["gcr.io/p/lower:1"] };
    expect(await workshop.perform(lower, io())).toEqual({ exitCode: 0 });
    const failing = io();
    const { exitCode } = await workshop.perform(contextWith("FROM scratch\nCOPY absent /\n"), failing);
    expect(exitCode).not.toBe(0);
    expect(failing.text()).toMatch(/absent/);
    await workshop.close();
  });

  /** `test` for what runs containers. */
  const testRun = (
    title: string,
    body: (step: (script: string, over?: Partial<ContainerRun>) => ContainerRun) => Promise<void>,
  ) =>
    test(title, async (context?: { skip(note?: string): void }) => {
      if (podman?.cannotRun !== undefined) return context?.skip(`no containers here: ${podman.cannotRun}`);
      const image = podman?.stepImage ?? "";
      await body((script, over = {}) => ({
        kind: "run",
        image,
        entrypoint: "/bin/sh",
        args: ["-c", script],
        env: {},
        secretEnv: [],
        dir: "/workspace",
        mounts: { "/workspace": emptyFolder() },
        ...over,
      }));
    });

  const remaining = async () => {
    const { stdout } = await run("podman", ["ps", "--all", "--quiet"], podman?.environment);
    return stdout.split("\n").filter((id) => id !== "");
  };

  testRun("runs a step with its environment, folder and exit code", async (step) => {
    const workshop = await begin();
    const io_ = io();
    const action = step(
      'printf "%s|%s|%s" "$PLAIN" "$SECRET" "$PWD"; echo made > file; echo err >&2; exit 5',
      {
        env: { PLAIN: "a b=c", SECRET: "line 1\nline 2" },
        secretEnv: ["SECRET"],
        dir: "/workspace/sub,folder",
      },
    );
    const mounted = emptyFolder();
    mkdirSync(join(mounted, "sub,folder"));
    const end = await workshop.perform({ ...action, mounts: { "/workspace": mounted } }, io_);
    expect(end.exitCode).toBe(5);
    expect(io_.text()).toContain("a b=c|line 1\nline 2|/workspace/sub,folder");
    expect(io_.text()).toContain("err\n");
    expect(readFileSync(join(mounted, "sub,folder", "file"), "utf8")).toBe("made\n");
    expect(await remaining()).toEqual([]);
    await workshop.close();
  });

  testRun("runs what an earlier step built, in place of another's of the same name", async (step) => {
    const [workshop, other] = [await begin(), await begin()];
    const dockerfile = `FROM ${podman?.stepImage}\nCOPY file /file\n`;
    const build = { ...contextWith(dockerfile), tags: ["gcr.io/p/builder"] };
    expect(await workshop.perform(build, io())).toEqual({ exitCode: 0 });
    await other.perform({ ...contextWith(dockerfile), tags: ["gcr.io/p/builder"] }, io());
    const io_ = io();
    const end = await workshop.perform(step("cat /file", { image: "gcr.io/p/builder:latest" }), io_);
    expect({ ...end, text: io_.text() }).toMatchObject({
      exitCode: 0,
      text: `content of ${build.context}\n`,
    });
    await workshop.close();
    await other.close();
  });

  testRun("takes the image's own command, and says 127 for a program that is not there", async (step) => {
    const workshop = await begin();
    const { entrypoint: _, ...bare } = step("");
    expect((await workshop.perform({ ...bare, args: ["sh", "-c", "exit 4"] }, io())).exitCode).toBe(4);
    // Podman's service does not tell docker why a container did not start.
    if (name === "podman") {
      expect((await workshop.perform({ ...bare, args: ["no-such-program"] }, io())).exitCode).toBe(127);
      expect((await workshop.perform(step("", { entrypoint: "/no/such" }), io())).exitCode).toBe(127);
    }
    expect(await remaining()).toEqual([]);
    await workshop.close();
  });

  testRun("has ended the container when the signal is given", async (step) => {
    const workshop = await begin();
    const controller = new AbortController();
    const io_ = io(controller.signal);
    const output = (chunk: Uint8Array) => {
      io_.output(chunk);
      if (io_.text().includes("started")) controller.abort();
    };
    const running = workshop.perform(step("trap '' TERM; echo started; sleep 600"), { ...io_, output });
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(await remaining()).toEqual([]);
    await workshop.close();
  });

  testRun("does not start once the signal was given", async (step) => {
    const workshop = await begin();
    const running = workshop.perform(step("true"), io(AbortSignal.abort()));
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    await workshop.close();
  });

  testRun("refuses a secret that would change the engine", async (step) => {
    const workshop = await begin();
    const action: EngineAction = step("true", { env: { LD_PRELOAD: "x" }, secretEnv: ["LD_PRELOAD"] });
    await expect(workshop.perform(action, io())).rejects.toMatchObject({ code: "engine-failed" });
    await workshop.close();
  });

  testRun("says which image cannot be had", async (step) => {
    const workshop = await begin();
    const action = step("true", { image: "registry.invalid/no/such:1" });
    await expect(workshop.perform(action, io())).rejects.toMatchObject({
      code: "step-image-unavailable",
      where: "registry.invalid/no/such:1",
    });
    await workshop.close();
  });
});

describe("detection", () => {
  plainTest("says that a program is not there", async () => {
    const empty = { PATH: emptyFolder() };
    expect(await detectDocker(empty)).toMatchObject({ reason: expect.stringMatching(/no docker in PATH/) });
    expect(await detectPodman(empty)).toMatchObject({ reason: expect.stringMatching(/no podman in PATH/) });
  });

  testWith("docker")("says that no daemon answers", async () => {
    const environment = { PATH: process.env.PATH, HOME: folder, DOCKER_HOST: `unix://${folder}/no.sock` };
    expect(await detectDocker(environment)).toMatchObject({
      reason: expect.stringMatching(/no daemon answers/),
      hint: expect.any(String),
    });
  });
});
