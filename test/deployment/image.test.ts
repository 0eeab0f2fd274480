import { chmod, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../support/child.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder("image");
});
afterEach(() => folder.remove());

const source = join(import.meta.dirname, "../../deploy/image");

/** Buildah with a store of its own. */
async function buildah(...words: readonly string[]): Promise<string> {
  const store = ["--root", join(folder.path, "store"), "--runroot", join(folder.path, "run")];
  const environment = { PATH: process.env.PATH ?? "", HOME: folder.path, BUILDAH_ISOLATION: "chroot" };
  const ended = await run("buildah", [...store, "--storage-driver", "vfs", ...words], environment);
  if (ended.code !== 0) throw new Error(`buildah ${words[0]}: ${ended.stderr}`);
  return ended.stdout.trim();
}

/** The configuration of an image as Waybill's Dockerfile makes it on an empty base, and what its layers hold. */
async function build(): Promise<{ config: Record<string, unknown>; entries: readonly string[] }> {
  const context = join(folder.path, "context");
  await mkdir(join(context, "app"), { recursive: true });
  await writeFile(join(context, "app", "package.json"), "{}");
  await mkdir(join(context, "volume", "data"), { recursive: true });
  await chmod(join(context, "volume", "data"), 0o770);
  await cp(join(source, "Dockerfile"), join(context, "Dockerfile"));
  const empty = await buildah("from", "scratch");
  await buildah("commit", "--quiet", empty, "localhost/base");
  await buildah("bud", "--quiet", "--build-arg", "BASE=localhost/base", "--tag", "localhost/made", context);
  await buildah("push", "--quiet", "localhost/made", `oci:${join(folder.path, "layout")}:made`);
  const blobs = join(folder.path, "layout", "blobs", "sha256");
  const files = await readdir(blobs);
  const texts = await Promise.all(files.map(async (file) => readFile(join(blobs, file))));
  const config = texts
    .filter((bytes) => bytes[0] === "{".charCodeAt(0))
    .map((bytes) => JSON.parse(bytes.toString()) as { config?: Record<string, unknown> })
    .find((document) => document.config?.Entrypoint !== undefined)?.config;
  const layers = files.filter((_, at) => texts[at]?.[0] === 0x1f);
  const listed = await Promise.all(
    layers.map((file) => run("tar", ["--numeric-owner", "-tvzf", join(blobs, file)], process.env)),
  );
  return { config: config ?? {}, entries: listed.flatMap(({ stdout }) => stdout.split("\n")) };
}

// Without a range of users of its own, only the system's administrator gives files to others.
const asAdministrator =
  process.getuid?.() === 0
    ? testWith("buildah", "tar")
    : (name: string, body: () => Promise<void>) =>
        test.skip(`${name} [skipped: this user is not root]`, body);

asAdministrator("a new volume belongs to the image's user, and to the group of any other one", async () => {
  const { config, entries } = await build();
  expect(config.User).toBe("65532:65532");
  expect(config.WorkingDir).toBe("/data");
  const data = entries.find((entry) => / data\/$/.test(entry));
  expect(data).toMatch(/^drwxrwx--- 65532\/0 /);
});
