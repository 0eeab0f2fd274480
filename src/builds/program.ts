import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { constants } from "node:os";
import { delimiter, isAbsolute } from "node:path";
import type { Readable } from "node:stream";
import { setImmediate as nextImmediate, setTimeout as sleep } from "node:timers/promises";
import { BuildError } from "./errors.ts";
import { watchGroup } from "./watchdog.ts";

export interface ProgramOptions {
  /** All that it gets: see {@link engineEnvironment}. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly input?: string | Uint8Array;
  /** Both streams, or standard error alone where standard output is captured. When it throws, the program is ended. */
  readonly output: (chunk: Uint8Array) => void;
  readonly signal: AbortSignal;
  /** Keeps standard output as text instead, up to 4 MiB. */
  readonly captureStdout?: boolean;
  /** Reads standard output instead, as fast as it likes. When it fails, the program is ended and the failure thrown. */
  readonly readStdout?: (stdout: Readable) => Promise<void>;
}

export interface ProgramEnd {
  /** 128 and the number of the signal, where one ended it: as a shell says it. */
  readonly exitCode: number;
  readonly stdout: string;
}

/** Characters of captured output beyond which a program is ended. */
const maxOutputBytes = 4 * 1024 * 1024;
/** Time that a process group has to end by itself, once asked. */
const graceMilliseconds = 5_000;
/** Time that a killed process group, or pipes without a reader, may take until nobody waits for them any more. */
const lingerMilliseconds = 2_000;

/**
 * Runs a program without a shell, in a process group of its own, to its end, whatever its exit code. When the signal is
 * given, the whole group is asked to end, killed if it does not, and only then the promise is rejected.
 * @throws {BuildError} `engine-missing` when there is no such program, `engine-failed` when it cannot be started or what
 *   is captured has no end; the reason of the signal when it was given.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramEnd> {
  const { signal } = options;
  signal.throwIfAborted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: "pipe",
    windowsHide: true,
  });
  if (child.pid !== undefined) watchGroup("start", child.pid);
  // Said at once or at the end: what is written to a program that has gone is nobody's concern.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);

  const captured: Buffer[] = [];
  let capturedSize = 0;
  const enough = new AbortController();
  const capture = (chunk: Buffer) => {
    capturedSize += chunk.length;
    if (capturedSize <= maxOutputBytes) captured.push(chunk);
    else enough.abort(new BuildError("engine-failed", `${command} wrote more than 4 MiB`));
  };
  /** Whoever takes the output may fail, as a record on a full disk does. */
  const output = (chunk: Uint8Array) => {
    try {
      options.output(chunk);
    } catch (error) {
      enough.abort(error);
    }
  };
  const ended = endOf(child, command);
  child.stderr.on("data", output);
  const reading = options.readStdout?.(child.stdout).catch((error: unknown) => enough.abort(error));
  if (reading === undefined) child.stdout.on("data", options.captureStdout === true ? capture : output);

  const stopped = AbortSignal.any([signal, enough.signal]);
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping = endGroup(child);
  };
  if (stopped.aborted) stop();
  else stopped.addEventListener("abort", stop, { once: true });
  try {
    const exitCode = await ended;
    await reading;
    await stopping;
    signal.throwIfAborted();
    enough.signal.throwIfAborted();
    return { exitCode, stdout: Buffer.concat(captured).toString("utf8") };
  } finally {
    stopped.removeEventListener("abort", stop);
  }
}

/** The exit code, once its output has come to its end too, or nobody writes it any more. */
function endOf(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let exitCode = 0;
    child.on("error", (error) => reject(notStarted(command, error)));
    child.on("exit", (code, signal) => {
      exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      // A process that it left behind may hold its pipes for ever.
      const linger = setTimeout(() => {
        signalGroup(child, "SIGKILL");
        for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) void giveUp(stream);
      }, lingerMilliseconds);
      child.once("close", () => clearTimeout(linger));
    });
    child.on("close", () => {
      if (child.pid !== undefined) watchGroup("end", child.pid);
      resolve(exitCode);
    });
  });
}

/** More than the system holds of what is written to a pipe: whoever says more is still there. */
const maxHeldBytes = 1024 * 1024;
const pauseMilliseconds = 10;
const maxTurns = 100;
/**
 * Closes the reading end of a pipe that somebody holds open though what it was read for is over. What was written before is
 * taken first, if it does not go on for ever: on a busy machine the time to wait may be over before anybody has looked for it.
 */
export async function giveUp(stream: Socket): Promise<void> {
  const first = stream.bytesRead;
  // Counted in turns, not by the clock: each of them reads, however long a busy machine takes for it.
  for (let turn = 0, known = -1; turn < maxTurns; turn += 1) {
    if (stream.bytesRead === known && stream.readableLength === 0) break;
    known = stream.bytesRead;
    // From a timer to the next immediate, whatever can be read is read.
    await sleep(pauseMilliseconds);
    await nextImmediate();
    if (stream.destroyed || stream.bytesRead - first > maxHeldBytes) break;
  }
  stream.destroy();
}

async function endGroup(child: ChildProcess): Promise<void> {
  signalGroup(child, "SIGTERM");
  if (await isGone(child, graceMilliseconds)) return;
  signalGroup(child, "SIGKILL");
  // Processes that have ended and whom nobody waits for still count, so this has a bound.
  await isGone(child, lingerMilliseconds);
}

async function isGone(child: ChildProcess, milliseconds: number): Promise<boolean> {
  const until = performance.now() + milliseconds;
  while (signalGroup(child, 0)) {
    if (performance.now() > until) return false;
    await sleep(20);
  }
  return true;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

function notStarted(command: string, error: NodeJS.ErrnoException): BuildError {
  if (error.code === "ENOENT") {
    return new BuildError("engine-missing", `there is no ${command} in PATH`, {
      hint: `install ${command}, or choose another engine`,
      cause: error,
    });
  }
  return new BuildError("engine-failed", `${command} could not be started: ${error.message}`, {
    cause: error,
  });
}

/** Names of variables that engines read: where they find things, whom they speak to, in which language. */
const engineVariables = new Set([
  ...["HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LANGUAGE", "TZ", "DBUS_SESSION_BUS_ADDRESS"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "FTP_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"],
  ...[
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_TLS",
  ],
  ...["DOCKER_API_VERSION", "REGISTRY_AUTH_FILE"],
  ...["CONTAINER_HOST", "CONTAINER_SSHKEY", "CONTAINER_CONNECTION"],
]);
const enginePrefixes = /^(?:LC|XDG|CONTAINERS|STORAGE|BUILDAH)_[A-Z0-9_]+$/;

function isRead(name: string): boolean {
  // Proxies are named in small letters as often.
  return engineVariables.has(name) || /^[a-z]+_proxy$/.test(name) || enginePrefixes.test(name);
}

/** Whether a variable changes what an engine does, or how any program is loaded. */
export function isEngineVariable(name: string): boolean {
  return isRead(name) || /^(?:PATH|LD_[A-Z_]+|DYLD_[A-Z_]+|GODEBUG|GOTRACEBACK|GLIBC_TUNABLES)$/.test(name);
}

/**
 * The environment of an engine: of the caller's only what engines themselves read, so that no secret in it gets into a
 * build by accident; and programs from the absolute folders of `PATH` alone.
 */
export function engineEnvironment(environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const kept = Object.entries(environment).flatMap(([name, value = ""]): [string, string][] => {
    if (name === "PATH") {
      const folders = value.split(delimiter).filter((folder) => isAbsolute(folder));
      // An empty PATH would mean the working directory.
      return folders.length === 0 ? [] : [[name, folders.join(delimiter)]];
    }
    return isRead(name) ? [[name, value]] : [];
  });
  return Object.fromEntries(kept);
}
