import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inject } from "vitest";

/** Path of an executable as users get it, to be run by this Node. */
export function executable(name: "waybill" | "cip" | "cip-mm"): string {
  return join(builtFolder(), "dist", "bin", `${name}.js`);
}

/** The folder of the package as users get it, without the types. */
export function builtPackage(): string {
  return join(builtFolder(), "dist");
}

/** Where a process of its own imports a file of `src/` from: `sourceUrl("store/index.ts")`. */
export function sourceUrl(path: string): string {
  return pathToFileURL(join(builtFolder(), "src", path.replace(/\.ts$/, ".js"))).href;
}

function builtFolder(): string {
  const built = inject("built");
  if ("failure" in built) throw new Error(`the sources do not build: ${built.failure}`);
  return built.folder;
}

/** What a process left behind. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts an executable and collects what it prints. */
export function start(path: string, argv: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [path, ...argv], { env, stdio: ["ignore", "pipe", "pipe"] });
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
