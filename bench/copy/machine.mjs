// What a measurement was made on and with.
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { cpus, release, tmpdir, totalmem, type } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);
const roomNeeded = 8 * 2 ** 30;

export async function describeMachine(data) {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    data: data.startsWith("/dev/shm") ? "in memory" : "on disk",
  };
}

/** Versions of what takes part beside the clients. */
export async function describeParts(waybill) {
  const first = async (command, args) => (await run(command, args)).stdout.trim().split("\n")[0];
  return {
    node: process.version,
    waybill: await first(process.execPath, [waybill, "--version"]),
    "docker-registry": (await first("docker-registry", ["--version"])).replace(/^\S+ \S+ /, ""),
  };
}

/** Where registries keep their data: in memory where there is room, so that they cost as little as they can. */
export async function defaultDataFolder() {
  const { bavail, bsize } = await statfs("/dev/shm").catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= roomNeeded ? "/dev/shm" : tmpdir();
}
