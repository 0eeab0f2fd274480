import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { hasProgram } from "./programs.ts";

/** A server of PostgreSQL with a folder of its own, reached by a socket in it. */
export interface PostgresServer {
  /** The URL of one of its databases. */
  url(database: string): string;
  /** Ends it at once, as a crash does: what is committed stays, connections are cut. */
  stop(): Promise<void>;
  /** Starts it again after {@link stop}. */
  start(): Promise<void>;
  /** Ends it, and removes its folder. */
  remove(): Promise<void>;
}

const administrator = "waybill";

/** Debian keeps the programs of a server where no `PATH` looks. */
function folderOfPrograms(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = safely(() => readdirSync(debian)) ?? [];
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  return newest === undefined ? undefined : join(debian, newest, "bin");
}

function safely<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** `PATH` with the programs of PostgreSQL in it. */
export const postgresPath = [process.env.PATH, folderOfPrograms()].filter(Boolean).join(delimiter);
const environment = { ...process.env, PATH: postgresPath };

/** Whether a server can be started here. */
export const hasPostgres = folderOfPrograms() !== undefined || hasProgram("initdb");

/** The server refuses to run as the system's administrator: then somebody else runs it. */
function otherUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (option: string) => Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

/** Makes a server and starts it. It ends with this process, however that ends. */
export async function startPostgres(): Promise<PostgresServer> {
  const user = otherUser();
  // Sockets have short names, and others than this user have to get there.
  const folder = await mkdtemp("/tmp/waybill-pg-");
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  await promisify(execFile)(
    "initdb",
    ["-D", data, "-U", administrator, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
    { env: environment, cwd: folder, ...user },
  );
  let running: ChildProcess | undefined;
  const start = async () => {
    running = await run(data, folder, user);
  };
  const stop = async () => {
    const child = running;
    running = undefined;
    if (child === undefined) return;
    const ended = once(child, "close");
    child.stdin?.end();
    await ended;
  };
  await start();
  return {
    url: (database) => `postgres://${administrator}@localhost/${database}?host=${encodeURIComponent(folder)}`,
    start,
    stop,
    async remove() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ends the server when nobody holds the other end of standard input any more. */
const watched =
  'postgres "$@" </dev/null 2>&1 & server=$!; cat >/dev/null; kill -QUIT $server 2>/dev/null; wait $server';

/** Nothing in here has to outlive the machine; what is committed outlives the server. */
const settings = [
  "listen_addresses=",
  "fsync=off",
  "full_page_writes=off",
  "shared_buffers=16MB",
  "max_connections=200",
  "autovacuum=off",
  "log_checkpoints=off",
];

async function run(data: string, sockets: string, user: object | undefined): Promise<ChildProcess> {
  const options = settings.flatMap((setting) => ["-c", setting]);
  const args = ["-c", watched, "sh", "-D", data, "-k", sockets, ...options];
  const stdio: ["pipe", "pipe", "inherit"] = ["pipe", "pipe", "inherit"];
  const child = spawn("sh", args, { env: environment, cwd: sockets, stdio, ...user });
  let log = "";
  await new Promise<void>((ready, failed) => {
    child.on("error", failed);
    child.on("close", () => failed(new Error(`PostgreSQL did not start: ${log}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-4096);
      if (log.includes("ready to accept connections")) ready();
    });
  });
  return child;
}
