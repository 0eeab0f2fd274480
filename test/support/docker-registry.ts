import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
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

/** What a registry asks of its clients. */
export interface DockerRegistryOptions {
  /** One of these names and passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** A token of this service, signed by a key of the bundle. */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly bundle: string;
  };
  /** TLS, with a certificate of `clientCa` where that is given. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
}

/** Starts `docker-registry` and waits until it answers. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "config.yml");
  const lines = [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: ${join(folder, "data")} }, delete: { enabled: true } }`,
    `http: { addr: "${host}", secret: test, draintimeout: 1s${tlsConfig(options.tls)} }`,
  ];
  if (options.users !== undefined) {
    const file = join(folder, "htpasswd");
    const users = Object.entries(options.users).map(
      ([name, password]) => `${name}:${hashSync(password, 4)}\n`,
    );
    await writeFile(file, users.join(""));
    lines.push(`auth: { htpasswd: { realm: test, path: ${file} } }`);
  }
  if (options.token !== undefined) {
    const { realm, service, issuer, bundle } = options.token;
    lines.push(
      `auth: { token: { realm: "${realm}", service: ${service}, issuer: ${issuer}, rootcertbundle: ${bundle} } }`,
    );
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

function tlsConfig(tls: DockerRegistryOptions["tls"]): string {
  if (tls === undefined) return "";
  const clients = tls.clientCa === undefined ? "" : `, clientcas: [${tls.clientCa}]`;
  return `, tls: { certificate: ${tls.cert}, key: ${tls.key}${clients} }`;
}

/** Waits until something listens: what it says depends on how it was started. */
async function answering(host: string, child: { readonly exitCode: number | null }): Promise<void> {
  const [address = "", port] = host.split(":");
  for (;;) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    const socket = connect(Number(port), address);
    const answered = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
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
