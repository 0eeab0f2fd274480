import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openBuildFolder } from "../../src/builds/build-folder.ts";
import { type BuildSite, buildHere } from "../../src/builds/build-here.ts";
import { createImageLedger } from "../../src/builds/image-ledger.ts";

/** Runs something without the rights of root, which may remove everything. */
async function withoutRights<Result>(action: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return action();
  process.seteuid?.(65534);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}

describe("the folder of a build", () => {
  test("goes with folders in it that not even their owner may write", async () => {
    await withoutRights(async () => {
      const folder = await openBuildFolder();
      const cache = join(folder.home, "go", "pkg");
      await mkdir(cache, { recursive: true });
      await writeFile(join(cache, "module"), "");
      await Promise.all([chmod(cache, 0o555), chmod(join(cache, ".."), 0o555)]);
      await folder.remove();
      await expect(stat(folder.path)).rejects.toMatchObject({ code: "ENOENT" });
    });
  });
});

describe("a build on this machine", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("that has no place to work fails alone, so that the others of its run are recorded", async () => {
    vi.stubEnv("TMPDIR", join(import.meta.dirname, "no-such-folder"));
    const site: Pick<BuildSite, "ledger" | "signal" | "removing"> = {
      ledger: createImageLedger(),
      signal: new AbortController().signal,
      removing: () => {},
    };
    const planned = { name: "one", actions: [], pushes: [] };
    const outcome = await buildHere(
      planned as unknown as Parameters<typeof buildHere>[0],
      site as unknown as BuildSite,
    );
    expect(outcome).toMatchObject({ name: "one", status: "failure", steps: [] });
  });
});
