import { execFile, execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Starts a server of PostgreSQL with the settings it has when nobody says any, reached by a socket. */
export async function startPostgres() {
  const debian = "/usr/lib/postgresql";
  const [newest] = readdirSync(debian).sort((a, b) => Number(b) - Number(a));
  const bin = join(debian, newest, "bin");
  const idOf = (option) => Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
  const user = process.getuid() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  const folder = await mkdtemp("/tmp/waybill-crash-pg-");
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const control = (...argv) =>
    promisify(execFile)(join(bin, "pg_ctl"), ["-D", data, ...argv], { cwd: folder, ...user });
  await promisify(execFile)(join(bin, "initdb"), ["-D", data, "-U", "waybill", "-A", "trust", "-E", "UTF8"], {
    ...{ cwd: folder, ...user },
  });
  const settings = `-c listen_addresses= -k ${folder}`;
  const log = join(folder, "log");
  await control("-w", "-l", log, "-o", settings, "start");
  const stopNow = () => {
    try {
      execFileSync(join(bin, "pg_ctl"), ["-D", data, "-m", "immediate", "stop"], {
        cwd: folder,
        stdio: "ignore",
        ...user,
      });
    } catch {
      // It has ended already.
    }
  };
  process.on("exit", stopNow);
  return {
    url: `postgres://waybill@localhost/postgres?host=${encodeURIComponent(folder)}`,
    /** Ends it as a crash does, and starts it again. */
    restart: () => control("-w", "-t", "120", "-l", log, "-o", settings, "-m", "immediate", "restart"),
    async remove() {
      process.off("exit", stopNow);
      stopNow();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
