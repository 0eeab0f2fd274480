// Real registries: docker-registry (CNCF Distribution) from Debian's packages, each a process with a folder of its own.
import { execFile } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { lengthOf, readAccessLog } from "./access-log.mjs";
import { removeFolder, start, stop, temporaryFolder } from "./processes.mjs";
import { request } from "./requests.mjs";

const run = promisify(execFile);
const configName = "config.yml";

/**
 * Starts a registry on a free port. `copyOf` is a registry whose data it begins with. Gives its `address`, and what it
 * used and was asked from a mark on.
 */
export async function startRegistry(parent, { copyOf } = {}) {
  const folder = await temporaryFolder(parent, "registry");
  const data = join(folder, "data");
  const log = join(folder, "access.log");
  await mkdir(data);
  if (copyOf !== undefined) await run("cp", ["-a", `${copyOf.data}/.`, data]);
  const { child: first, address } = await serve(folder, data, log);
  let child = first;
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
    /** Ends it as a crash does. What it has stays. */
    kill: () => stop(child),
    /** Starts it again at its address with what it has. */
    async restart() {
      child = launch(folder, log, "a");
      if (!(await answers(address, child)))
        throw new Error(`docker-registry does not come back at ${address}`);
    },
    async end() {
      await stop(child);
      await removeFolder(folder);
    },
  };
}

/** Starts the program; another one may have taken the port that was free a moment ago. */
async function serve(folder, data, log) {
  const config = join(folder, configName);
  for (let tries = 0; tries < 3; tries += 1) {
    const address = `127.0.0.1:${await freePort()}`;
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
    const child = launch(folder, log, "w");
    if (await answers(address, child)) return { child, address };
    await stop(child);
  }
  throw new Error("docker-registry does not answer; install it with: apt-get install docker-registry");
}

function launch(folder, log, flags) {
  const output = openSync(log, flags);
  const child = start("docker-registry", ["serve", join(folder, configName)], {
    stdio: ["ignore", output, "ignore"],
  });
  closeSync(output);
  return child;
}

/** CPU seconds that a process has used so far. */
export async function cpuSeconds(pid) {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(address, child) {
  for (let tries = 0; tries < 400 && child.exitCode === null && child.pid !== undefined; tries += 1) {
    const answer = await request("GET", `http://${address}/v2/`).catch(() => undefined);
    if (answer?.status === 200) return child.exitCode === null;
    await sleep(25);
  }
  return false;
}
