import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe } from "vitest";
import { outputOf } from "./child.ts";

const program = process.env.WAYBILL_GITEA;

/** `describe` for what needs a real Gitea: without one it is skipped, and its name says why. */
export function describeWithGitea(name: string, body: () => void): void {
  if (program === undefined) describe.skip(`${name} [skipped: WAYBILL_GITEA names none]`, body);
  else describe(name, body);
}

/** A Gitea of its own, with its database in a temporary folder. */
export interface RealGitea {
  /** `127.0.0.1:port`, which is what it calls itself. */
  readonly host: string;
  readonly url: string;
  /** Adds somebody. @returns A token with all scopes. */
  addUser(name: string): Promise<string>;
  /** Asks its API, below `/api/v1`. @throws When the answer is no success. */
  ask(token: string, method: string, path: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Starts the Gitea that `WAYBILL_GITEA` names. Its templates are in the source that it was built from: in `src` beside it, or where
 * `WAYBILL_GITEA_SOURCE` says.
 */
export async function startGitea(): Promise<RealGitea> {
  if (program === undefined) throw new Error("WAYBILL_GITEA names no Gitea");
  const folder = await mkdtemp(join(tmpdir(), "waybill-gitea-"));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const url = `http://${host}`;
  const settings = join(folder, "app.ini");
  const source = process.env.WAYBILL_GITEA_SOURCE ?? join(dirname(program), "src");
  await writeFile(settings, settingsOf(folder, port, source));
  const env = { PATH: process.env.PATH ?? "", HOME: folder };
  const child = spawn(program, ["web", "-c", settings], { env, cwd: folder, stdio: "ignore" });
  const ended = once(child, "exit");
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const isUp = async (): Promise<boolean> =>
    fetch(`${url}/api/v1/version`).then(
      ({ ok }) => ok,
      () => false,
    );
  const until = Date.now() + 60_000;
  while (!(await isUp())) {
    if (Date.now() > until || child.exitCode !== null) {
      await close();
      throw new Error("the Gitea does not start");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const admin = (...words: string[]): Promise<string> =>
    outputOf(program, ["admin", "user", ...words, "-c", settings], env);
  return {
    ...{ host, url, close },
    async addUser(name) {
      const address = [
        "--username",
        name,
        "--email",
        `${name}@example.com`,
        "--password",
        `pass-word-${name}`,
      ];
      await admin("create", ...address, "--must-change-password=false");
      const said = await admin("generate-access-token", "--username", name, "--scopes", "all", "--raw");
      const token = /^[0-9a-f]{40}$/m.exec(said)?.[0];
      if (token === undefined) throw new Error("the Gitea gives no token");
      return token;
    },
    async ask(token, method, path, body) {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `token ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text === "" ? undefined : JSON.parse(text);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function settingsOf(folder: string, port: number, source: string): string {
  const secret = "a-secret-of-a-test-that-nobody-need-keep";
  return `RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = ${folder}
[database]
DB_TYPE = sqlite3
PATH = ${join(folder, "gitea.db")}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
ROOT_URL = http://127.0.0.1:${port}/
STATIC_ROOT_PATH = ${source}
OFFLINE_MODE = true
DISABLE_SSH = true
[security]
INSTALL_LOCK = true
SECRET_KEY = ${secret}
INTERNAL_TOKEN = ${secret}
[webhook]
ALLOWED_HOST_LIST = loopback
[oauth2]
JWT_SECRET = ${Buffer.alloc(32, "waybill").toString("base64url")}
[webhook]
ALLOWED_HOST_LIST = loopback
[repository]
ROOT = ${join(folder, "repositories")}
[log]
LEVEL = Error
ROOT_PATH = ${join(folder, "log")}
`;
}
