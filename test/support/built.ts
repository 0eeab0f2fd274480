import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../..");

/** The executables as users get them, for tests that need a process of their own. */
export interface BuiltProgram {
  /** Path of an executable, to be run by this Node. */
  executable(name: "waybill" | "cip" | "cip-mm"): string;
  remove(): Promise<void>;
}

/** Builds the executables into a folder of their own, below the project, where their dependencies are found. */
export async function buildProgram(): Promise<BuiltProgram> {
  const cache = join(root, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "built-"));
  await promisify(execFile)(process.execPath, [join(root, "scripts", "build.mjs"), folder], { cwd: root });
  return {
    executable: (name) => join(folder, "bin", `${name}.js`),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a process left behind. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts an executable and collects what it prints. */
export function start(executable: string, argv: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [executable, ...argv], { env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((done, failed) => {
    child.on("error", failed);
    child.on("close", (status, signal) => done({ status, signal, stdout, stderr }));
  });
  return { child, ended };
}
