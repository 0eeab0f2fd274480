import { type ExecFileException, execFile } from "node:child_process";

/** What came of running a program. */
export interface ProgramRun {
  readonly stdout: string;
  readonly stderr: string;
  /** What went wrong, in words that follow the program's name; `undefined` for exit code 0. */
  readonly fault: string | undefined;
}

/** How a program is run. */
export interface ProgramLimits {
  readonly environment: NodeJS.ProcessEnv;
  /** It is killed when its time is over. */
  readonly timeoutMilliseconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of what it writes, of each stream; one that writes more is killed. */
const maxOutputBytes = 64 * 1024;

/**
 * Runs a program to its end, without a shell; what it left running behind it is not waited for beyond its time. Never rejects.
 * @param path From {@link findExecutable}.
 */
export function runProgram(
  path: string,
  args: readonly string[],
  input: string | Uint8Array,
  { environment, timeoutMilliseconds, signal }: ProgramLimits,
): Promise<ProgramRun> {
  const limits = { timeout: timeoutMilliseconds, maxBuffer: maxOutputBytes, killSignal: "SIGKILL" } as const;
  return new Promise((resolve) => {
    const options = { env: environment, windowsHide: true, signal, ...limits };
    const { stdin } = execFile(path, args, options, (error, stdout, stderr) => {
      resolve({ stdout, stderr, fault: error === null ? undefined : faultOf(error, timeoutMilliseconds) });
    });
    // It may end without reading what it is asked for.
    stdin?.on("error", () => undefined);
    stdin?.end(input);
  });
}

function faultOf({ code, signal, killed }: ExecFileException, timeout: number): string {
  if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return `wrote more than ${maxOutputBytes} bytes`;
  if (killed) return `gave no answer within ${timeout / 1000} seconds`;
  if (typeof code === "string") return `could not be started: ${code}`;
  return typeof code === "number" ? `failed with exit code ${code}` : `was ended by ${signal}`;
}
