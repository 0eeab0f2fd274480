// Real registries: docker-registry (CNCF Distribution) from Debian's packages, each a process with a folder of its own.
import { openSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lengthOf, readAccessLog } from "./access-log.mjs";
import { removeFolder, start, stop, temporaryFolder } from "./processes.mjs";
import { request } from "./requests.mjs";

/**
 * Starts a registry on a free port. `copyOf` is a registry whose data it begins with. Gives its `address`, and what it
 * used and was asked from a mark on.
 */
export async function startRegistry(parent, { copyOf } = {}) {
  const folder = await temporaryFolder(parent, "registry");
  const data = join(folder, "data");
  const log = join(folder, "access.log");
  const address = `127.0.0.1:${await freePort()}`;
  await mkdir(data);
  if (copyOf !== undefined) await cp(copyOf.data, data, { recursive: true });
  const config = join(folder, "config.yml");
  await writeFile(
    config,
    `version: 0.1
log: { level: error }
storage:
  filesystem: { rootdirectory: ${data} }
  delete: { enabled: true }
  cache: { blobdescriptor: inmemory }
http: { addr: "${address}", secret: bench, draintimeout: 1s }
`,
  );
  const child = start("docker-registry", ["serve", config], {
    stdio: ["ignore", openSync(log, "w"), "ignore"],
  });
  await answering(address, child);
  return {
    address,
    data,
    /** Where log and CPU time stand now. */
    mark: async () => ({ logged: await lengthOf(log), cpu: await cpuSeconds(child.pid) }),
    /** Requests by kind and CPU seconds since a mark. */
    since: async ({ logged, cpu }) => ({
      ...(await readAccessLog(log, logged)),
      cpuSeconds: (await cpuSeconds(child.pid)) - cpu,
    }),
    async end() {
      await stop(child);
      await removeFolder(folder);
    },
  };
}

/** CPU seconds that a process has used so far. */
export async function cpuSeconds(pid) {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answering(address, child) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (child.exitCode !== null) break;
    const answer = await request("GET", `http://${address}/v2/`).catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(25);
  }
  throw new Error("docker-registry does not answer; install it with: apt-get install docker-registry");
}
