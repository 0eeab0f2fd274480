import { spawnSync } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { afterShell, startRegistryProcess, type Wrap } from "./child-registry.ts";
import { ask, errorCode, pushBlob, pushManifest, pushSample, temporaryFolder } from "./client.ts";
import { image, lastOf, randomBlob } from "./samples.ts";

const repository = "conformance/repo1";

async function startWith(wrap: (dir: string) => Wrap): Promise<{ url: string; dir: string; pid: number }> {
  const dir = join(await temporaryFolder(), "registry");
  await mkdir(dir);
  const registry = await startRegistryProcess(dir, wrap(dir));
  onTestFinished(() => registry.kill());
  return { url: registry.firstLine, dir, pid: Number(registry.process.pid) };
}

describe("a file that may not grow any more", () => {
  test("is an error with a clear message, leaves nothing, and the registry goes on", async () => {
    // In blocks of 512 bytes: no file gets larger than 1 MiB.
    const { url, dir } = await startWith(() => afterShell("ulimit -f 2048"));
    const [large, small] = [randomBlob(3_000_000), randomBlob(500_000)];
    const begun = await ask(url, "POST", `/v2/${repository}/blobs/uploads/`);
    const path = String(begun.headers.location);
    const refusals = [
      await pushBlob(url, repository, large),
      await ask(url, "PATCH", path, { body: large.bytes }),
    ];
    for (const answer of refusals) {
      expect([answer.status, errorCode(answer)]).toEqual([507, "UNKNOWN"]);
      expect(answer.body.toString()).toContain("no room left");
      expect(answer.body.toString()).not.toContain(dir);
    }
    expect((await ask(url, "GET", path)).status).toBe(404);
    expect((await ask(url, "HEAD", `/v2/${repository}/blobs/${large.digest}`)).status).toBe(404);
    expect(await readdir(join(dir, "uploads"))).toEqual([]);
    expect((await pushBlob(url, repository, small)).status).toBe(201);
  });
});

/** Whether a file system of its own can be made for a process; on most machines everybody can. */
const canMount = spawnSync("unshare", ["--map-root-user", "--mount", "true"]).status === 0;
const reason = canMount ? "" : " [skipped: no mount namespaces]";

describe("a full disk", () => {
  (canMount || process.env.CI === "true" ? test : test.skip)(
    `keeps what it has, and nothing half${reason}`,
    async () => {
      const namespaced: (dir: string) => Wrap = (dir) => (program, args) => {
        const [shell, shellArgs] = afterShell(`mount -t tmpfs -o size=3m tmpfs '${dir}'`)(program, args);
        return ["unshare", ["--map-root-user", "--mount", shell, ...shellArgs]];
      };
      const { url } = await startWith(namespaced);
      const before = image();
      await pushSample(url, repository, before, "latest");

      const after = image({ more: { annotations: { large: "a".repeat(200_000) } } });
      for (const blob of after.blobs) expect((await pushBlob(url, repository, blob)).status).toBe(201);
      let status = 201;
      for (let bytes = 500_000; bytes > 1; bytes = Math.floor(bytes / 2)) {
        do status = (await pushBlob(url, repository, randomBlob(bytes))).status;
        while (status === 201);
        expect(status).toBe(507);
      }

      const refused = await pushManifest(url, repository, "latest", lastOf(after));
      expect([refused.status, errorCode(refused)]).toEqual([507, "UNKNOWN"]);
      expect((await ask(url, "GET", `/v2/${repository}/manifests/${lastOf(after).digest}`)).status).toBe(404);
      const kept = await ask(url, "GET", `/v2/${repository}/manifests/latest`);
      expect(kept.headers["docker-content-digest"]).toBe(lastOf(before).digest);
      for (const blob of before.blobs) {
        const pulled = await ask(url, "GET", `/v2/${repository}/blobs/${blob.digest}`);
        expect(pulled.body.equals(blob.bytes)).toBe(true);
      }

      // Room that is given back can be used again.
      for (const blob of before.blobs) await ask(url, "DELETE", `/v2/${repository}/blobs/${blob.digest}`);
      expect((await pushBlob(url, repository, randomBlob(100))).status).toBe(201);
    },
  );
});
