import { spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { watchDisks } from "../../src/serve/disks.ts";
import type { ServerDocument } from "../../src/server/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { startTestServer } from "./server-under-test.ts";

test("a server that stops says so, and answers until nobody asks it any more", {
  timeout: 120_000,
}, async () => {
  const folder = await temporaryFolder("drain");
  await mkdir(join(folder.path, "jobs"));
  const server = await startTestServer(folder.path, {}, { drain: 3_600_000 });
  const ready = async (): Promise<readonly [number, string]> => {
    const response = await fetch(`${server.url}/readyz`);
    return [response.status, await response.text()];
  };
  try {
    expect(await ready()).toEqual([200, "ok\n"]);
    const state = (wanted: string) =>
      server.until(`that a process is ${wanted}`, async () => {
        const found = await server.ask<ServerDocument>("GET", "/server");
        return found.processes.some(({ state }) => state === wanted) ? found : undefined;
      });
    const running = await state("running");
    expect(running.processes).toMatchObject([{ roles: ["web", "scheduler", "worker"] }]);
    const stopped = server.stop();
    expect(await ready()).toEqual([503, "it starts or stops\n"]);
    await server.tell("https://git.example.com/team/app");
    expect(await server.ask("GET", "/runs")).toMatchObject({ items: [] });
    await state("draining");
    await server.stop();
    await stopped;
    await expect(ready()).rejects.toThrow();
  } finally {
    await folder.remove();
  }
});

const canMount = process.getuid?.() === 0 && process.platform === "linux";
const reason = canMount ? "" : " (skipped: needs the right to mount)";

test.skipIf(!canMount && process.env.CI !== "true")(
  `a server whose disk is full is not ready, and is again when there is room${reason}`,
  async () => {
    const folder = await temporaryFolder("disk");
    const disk = join(folder.path, "disk");
    await mkdir(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=80m", "tmpfs", disk]);
    const said: string[] = [];
    try {
      expect(mounted.status).toBe(0);
      const lack = watchDisks([disk, join(folder.path, "not-there-yet")], (level, message) =>
        said.push(`${level} ${message}`),
      );
      expect(await lack()).toBeUndefined();
      await writeFile(join(disk, "much"), Buffer.alloc(20 * 2 ** 20));
      expect(await lack()).toBe("the disk is full");
      expect(await lack()).toBe("the disk is full");
      await rm(join(disk, "much"));
      expect(await lack()).toBeUndefined();
      expect(said).toEqual(["error the disk is full", "info the disk has room again"]);
    } finally {
      if (mounted.status === 0) spawnSync("umount", ["--lazy", disk]);
      await folder.remove();
    }
  },
);
