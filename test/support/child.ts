import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** How a program ended and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end without blocking this process, so that it can talk to a server in here. */
export async function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  const child = spawn(program, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const written = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    written.stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...written };
}

/** The same for a program that must not fail: its standard output. */
export async function outputOf(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, environment);
  if (code === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${stderr}`);
}

/** A program that goes on running, once it has written its first line. */
export interface Running {
  readonly firstLine: string;
  readonly process: ChildProcess;
  /** Ends it the hard way, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Starts a program and waits for its first line of output. What it writes on standard error goes to ours. */
export async function start(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Running> {
  const child = spawn(program, args, { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const line = once(createInterface(child.stdout), "line") as Promise<[string]>;
  const first = await Promise.race([line, ended.then(() => undefined)]);
  if (first === undefined) throw new Error(`${program} ended before it wrote a line`);
  return {
    firstLine: first[0],
    process: child,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
