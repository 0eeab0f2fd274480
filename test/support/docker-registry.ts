import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashSync } from "bcryptjs";

/** A real registry (CNCF Distribution) on a free port of 127.0.0.1, its data in a temporary folder. */
export interface DockerRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  stop(): Promise<void>;
}

/** Starts `docker-registry` and waits until it answers; with `users`, it asks for one of these names and passwords. */
export async function startDockerRegistry(
  options: { readonly users?: Readonly<Record<string, string>> } = {},
): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "config.yml");
  const lines = [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: ${join(folder, "data")} }, delete: { enabled: true } }`,
    `http: { addr: "${host}", secret: test, draintimeout: 1s }`,
  ];
  if (options.users !== undefined) {
    const file = join(folder, "htpasswd");
    const users = Object.entries(options.users).map(
      ([name, password]) => `${name}:${hashSync(password, 4)}\n`,
    );
    await writeFile(file, users.join(""));
    lines.push(`auth: { htpasswd: { realm: test, path: ${file} } }`);
  }
  await writeFile(config, `${lines.join("\n")}\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  const ended = once(child, "exit");
  const endWithUs = () => child.kill("SIGKILL");
  process.once("exit", endWithUs);
  await answering(host, child);
  return {
    host,
    async stop() {
      process.off("exit", endWithUs);
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answering(host: string, child: { readonly exitCode: number | null }): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    const answered = await fetch(`http://${host}/v2/`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await sleep(20);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
