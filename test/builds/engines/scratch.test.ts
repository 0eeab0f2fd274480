import { chmod, mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { unpackTar } from "modern-tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExportedImage, ImageBuild, Workshop } from "../../../src/builds/engine.ts";
import { scratchEngine } from "../../../src/builds/engines/scratch/scratch.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { temporaryFolder } from "../../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder("scratch");
});
afterAll(() => folder?.remove());

const fresh = (): Promise<string> => mkdtemp(join(folder.path, "place-"));

async function buildOf(
  dockerfile: string,
  files: Readonly<Record<string, string>> = {},
  more: Partial<ImageBuild> = {},
): Promise<ImageBuild> {
  const context = await fresh();
  for (const [path, text] of Object.entries({ Dockerfile: dockerfile, ...files })) {
    await mkdir(dirname(join(context, path)), { recursive: true });
    await writeFile(join(context, path), text);
    await chmod(join(context, path), 0o644);
  }
  return {
    ...{ kind: "build", context, dockerfile: join(context, "Dockerfile"), tags: ["app:v1"] },
    ...{ buildArgs: [], labels: [], platforms: [], pull: false, noCache: false, ...more },
  };
}

async function workshop(): Promise<Workshop> {
  return scratchEngine("1.2.3").open(await fresh());
}

function io() {
  const said: string[] = [];
  const output = (chunk: Uint8Array) => void said.push(Buffer.from(chunk).toString());
  return { output, signal: new AbortController().signal, said };
}

async function exported(place: Workshop, image: string): Promise<ExportedImage> {
  const found = await place.export(image, await fresh(), io());
  if (found === undefined) throw new Error(`there is no ${image}`);
  return found;
}

async function blob({ folder: layout }: ExportedImage, digest: string): Promise<Buffer> {
  const bytes = await readFile(join(layout, "blobs", "sha256", digest.replace("sha256:", "")));
  expect(digestOf(bytes)).toBe(digest);
  return bytes;
}

async function imageOf(image: ExportedImage, digest: string = image.root.digest) {
  const json = async (of: string) => JSON.parse((await blob(image, of)).toString());
  const manifest = await json(digest);
  const config = await json(manifest.config.digest);
  const layers = [];
  for (const [index, { digest: layer, size }] of manifest.layers.entries()) {
    const packed = await blob(image, layer);
    expect(packed.length).toBe(size);
    const tar = gunzipSync(packed);
    expect(config.rootfs.diff_ids[index]).toBe(digestOf(tar));
    layers.push(
      (await unpackTar(tar)).map(({ header, data }) => ({
        ...{ name: header.name, mode: header.mode, type: header.type, linkname: header.linkname },
        text: data === undefined ? "" : Buffer.from(data).toString(),
      })),
    );
  }
  return { config, layers };
}

describe("the engine scratch", () => {
  it("copies files and folders, and says what the image is", async () => {
    const place = await workshop();
    const text = [
      "# An image",
      "ARG VERSION=v0",
      "FROM scratch",
      "ARG VERSION",
      'LABEL org.opencontainers.image.version=$VERSION title="the app"',
      "ENV HOME=/data PATH=/bin",
      "WORKDIR /srv",
      "COPY --chmod=755 hello /bin/hello",
      "COPY conf \\",
      "  conf",
      "COPY a b /many/",
      "USER 65532",
      "EXPOSE 80",
      'ENTRYPOINT ["/bin/hello"]',
      'CMD ["--port", "80"]',
    ].join("\n");
    const files = { hello: "hello\n", "conf/x/y": "deep\n", a: "A", b: "B" };
    const action = await buildOf(text, files, { buildArgs: ["VERSION=v7"], labels: ["team=release"] });
    expect(await place.perform(action, io())).toEqual({ exitCode: 0 });
    const { config, layers } = await imageOf(await exported(place, "app:v1"));
    expect(config.config).toEqual({
      WorkingDir: "/srv",
      User: "65532",
      Entrypoint: ["/bin/hello"],
      Cmd: ["--port", "80"],
      Env: ["HOME=/data", "PATH=/bin"],
      Labels: { "org.opencontainers.image.version": "v7", title: "the app", team: "release" },
      ExposedPorts: { "80/tcp": {} },
    });
    expect(
      layers.map((layer) => layer.map(({ name, mode, text: content }) => [name, mode, content])),
    ).toEqual([
      [["bin/hello", 0o755, "hello\n"]],
      [
        ["srv/conf/", expect.any(Number), ""],
        ["srv/conf/x/", expect.any(Number), ""],
        ["srv/conf/x/y", 0o644, "deep\n"],
      ],
      [
        ["many/a", 0o644, "A"],
        ["many/b", 0o644, "B"],
      ],
    ]);
  });

  it("makes an index of platforms, each with its own files", async () => {
    const place = await workshop();
    const text = "FROM scratch\nARG TARGETARCH\nCOPY hello-$TARGETARCH /hello\n";
    const files = { "hello-amd64": "of amd64", "hello-arm64": "of arm64" };
    const said = io();
    await place.perform(await buildOf(text, files, { platforms: ["linux/amd64", "linux/arm64/v8"] }), said);
    const image = await exported(place, "app:v1");
    const { manifests } = JSON.parse((await blob(image, image.root.digest)).toString());
    expect(manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
      { os: "linux", architecture: "amd64" },
      { os: "linux", architecture: "arm64", variant: "v8" },
    ]);
    for (const { digest, platform } of manifests) {
      const { config, layers } = await imageOf(image, digest);
      expect(config).toMatchObject(platform);
      expect(layers[0]?.[0]?.text).toBe(`of ${platform.architecture}`);
    }
    expect(said.said.join("")).toContain("linux/arm64/v8: COPY hello-$TARGETARCH /hello");
  });

  it("makes the same image of the same files, and gives it more names", async () => {
    const first = await workshop();
    const second = await workshop();
    for (const place of [first, second]) {
      await place.perform(await buildOf("FROM scratch\nCOPY x /x\n", { x: "same" }), io());
    }
    expect(await second.perform({ kind: "tag", source: "app:v1", target: "app:latest" }, io())).toEqual({
      exitCode: 0,
    });
    expect((await exported(second, "app:latest")).root).toEqual((await exported(first, "app:v1")).root);
    expect(await first.export("app:v2", await fresh(), io())).toBeUndefined();
    expect(await first.perform({ kind: "tag", source: "app:v2", target: "a:b" }, io())).toEqual({
      exitCode: 1,
    });
  });

  it.each([
    ["FROM debian\n", "a beginning other than FROM scratch", ":1"],
    ["FROM scratch\nCOPY x /x\n\nRUN make\n", "RUN, which needs a program that runs it", ":4"],
    ["FROM scratch AS one\n", "a beginning other than FROM scratch", ":1"],
    ["FROM scratch\nFROM scratch\n", "a second FROM", ":2"],
    ["FROM scratch\nCOPY --from=other x /x\n", "COPY --from=other", ":2"],
    ["FROM scratch\nCOPY *.txt /x\n", "COPY with patterns", ":2"],
    ["FROM scratch\nENTRYPOINT hello\n", "ENTRYPOINT without brackets", ":2"],
    ["FROM scratch\nHEALTHCHECK NONE\n", "HEALTHCHECK", ":2"],
  ])("refuses what needs a program: %j", async (text, what, line) => {
    const place = await workshop();
    const action = await buildOf(text, { x: "x", "a.txt": "a" });
    await expect(place.perform(action, io())).rejects.toMatchObject({
      code: "engine-failed",
      message: expect.stringContaining(what),
      where: `${action.dockerfile}${line}`,
    });
  });

  it("reads nothing outside the folder that is built from", async () => {
    const place = await workshop();
    const action = await buildOf("FROM scratch\nCOPY out/secret /x\n");
    const outside = await fresh();
    await writeFile(join(outside, "secret"), "secret");
    await symlink(outside, join(action.context, "out"));
    await expect(place.perform(action, io())).rejects.toThrow("leads out of the folder");
    // A path that climbs is one of the folder, as in docker.
    await expect(
      place.perform(await buildOf("FROM scratch\nCOPY ../../etc/passwd /x\n"), io()),
    ).rejects.toThrow("there is no ../../etc/passwd");
    const linked = await buildOf("FROM scratch\nCOPY folder /\n", { "folder/file": "x" });
    await symlink("/etc/passwd", join(linked.context, "folder", "link"));
    await place.perform(linked, io());
    const { layers } = await imageOf(await exported(place, "app:v1"));
    expect(layers[0]?.find(({ name }) => name === "link")).toMatchObject({
      type: "symlink",
      linkname: "/etc/passwd",
    });
  });

  it("refuses a step that runs something, and a list of what is left out", async () => {
    const place = await workshop();
    const run = {
      kind: "run",
      image: "golang",
      args: [],
      env: {},
      secretEnv: [],
      dir: "/",
      mounts: {},
    } as const;
    await expect(place.perform(run, io())).rejects.toMatchObject({ code: "engine-failed", where: "golang" });
    const ignoring = await buildOf("FROM scratch\nCOPY x /x\n", { x: "x", ".dockerignore": "x" });
    await expect(place.perform(ignoring, io())).rejects.toThrow(".dockerignore");
  });
});
