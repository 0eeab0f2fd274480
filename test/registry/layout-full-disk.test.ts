import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test as vitestTest } from "vitest";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openLayout } from "../../src/registry/layout/layout.ts";
import { temporaryFolder } from "../support/tree.ts";
import { blob, image, store, streamOf } from "./layout-images.ts";

/** Whether this user can mount a small file system, on which a disk can be filled for real. */
const canMount =
  process.platform === "linux" &&
  spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;

describe("a disk that is full", () => {
  const reason = canMount ? "" : " [skipped: this user cannot mount a tmpfs]";
  const test = vitestTest.skipIf(!canMount && process.env.CI !== "true");
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    temporary = await temporaryFolder("full");
    if (canMount) spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", temporary.path]);
  });
  afterAll(async () => {
    if (canMount) spawnSync("umount", [temporary.path]);
    await temporary.remove();
  });

  test(`is an error, leaves nothing half-written, and is mended by room${reason}`, async () => {
    const folder = join(temporary.path, "bar");
    const repository = openLayout(folder, parseRepository("gcr.io/k8s-staging-foo/bar"));
    const first = image();
    await store(repository, first, "v1");

    const large = blob(randomBytes(2 * 1024 * 1024));
    await expect(repository.push(large.descriptor, streamOf(large.bytes))).rejects.toMatchObject({
      code: "storage",
      message: "the disk is full",
      hint: "make room and run again: nothing half-written is visible",
    });
    expect(await readdir(join(folder, ".waybill"))).toEqual([]);
    expect(await repository.has(large.descriptor)).toBe(false);

    const filler = blob(randomBytes(300 * 1024));
    await repository.push(filler.descriptor, streamOf(filler.bytes));
    const second = image();
    for (const { descriptor, bytes } of second.blobs) await repository.push(descriptor, streamOf(bytes));
    const rest = spawnSync("dd", ["if=/dev/zero", `of=${join(temporary.path, "rest")}`, "bs=4k"]);
    expect(rest.status).not.toBe(0);
    await expect(repository.put(second.manifest, parseTag("v2"))).rejects.toMatchObject({ code: "storage" });
    const again = openLayout(folder, parseRepository("gcr.io/k8s-staging-foo/bar"));
    expect((await again.list())?.tags).toEqual(["v1"]);
    expect(await again.fetch(parseTag("v1"))).toEqual(first.manifest);

    await rm(join(temporary.path, "rest"));
    await again.put(second.manifest, parseTag("v2"));
    expect((await again.list())?.tags).toEqual(["v1", "v2"]);
  });
});
