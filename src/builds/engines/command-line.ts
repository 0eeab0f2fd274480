import { access, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as z from "zod/mini";
import { ifPresent } from "../../disk/index.ts";
import { harmless } from "../../errors/index.ts";
import type { ActionIo, Engine, EngineAbsence, LocalEngineName } from "../engine.ts";
import { BuildError } from "../errors.ts";
import { engineEnvironment, type ProgramOptions, runProgram } from "../program.ts";

/** A program that containers and images are asked of, by the commands that the engines have in common. */
export interface CommandLine {
  readonly command: LocalEngineName;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  /** The end of what it wrote, for messages. */
  readonly tail: string;
}

/** How it is found out whether an engine works here. */
export interface Detection {
  readonly command: LocalEngineName;
  /** What to do where there is none, and where it does not work. */
  readonly install: string;
  readonly mend: string;
  /** Parts of sentences: what is wrong where it answers, but not as it should, and where it does not answer. */
  readonly broken?: string;
  readonly late?: string;
  /** Asks it: for the engine, or for what it says where it does not work. */
  look(line: CommandLine, signal: AbortSignal): Promise<Engine | Said>;
}

/** Time that an engine has to say what it is, and to look at its store. */
export const answerMilliseconds = 15_000;

/** Finds an engine in PATH, where it works. */
export async function detect(
  { command, install, mend: hint, look, ...words }: Detection,
  environment: NodeJS.ProcessEnv,
): Promise<Engine | EngineAbsence> {
  const { broken = "does not work", late = "does not answer in time" } = words;
  const signal = AbortSignal.timeout(answerMilliseconds);
  try {
    const found = await look({ command, env: engineEnvironment(environment), cwd: tmpdir() }, signal);
    if ("open" in found) return found;
    return { reason: `${command} is here, but ${broken}: ${lastWords(found.tail)}`, hint };
  } catch (error) {
    if (error instanceof BuildError && error.code === "engine-missing") {
      return { reason: error.message, hint: install };
    }
    if (signal.aborted) return { reason: `${command} is here, but ${late}`, hint };
    throw error;
  }
}

/**
 * The line of a program that refuses whatever may need a login where the folder that `DOCKER_CONFIG` names has no file of
 * logins; a fresh one of a CI system has none. To Docker that means no logins: it gets a file without any, in `cwd`.
 */
export async function withLogins(line: CommandLine): Promise<CommandLine> {
  const { DOCKER_CONFIG: named = "" } = line.env;
  // What is wrong with a file that is there, the program says itself.
  const hasFile = await ifPresent(access(join(named, "config.json")).then(() => true)).catch(() => true);
  if (named === "" || hasFile) return line;
  const empty = join(line.cwd, "logins");
  await mkdir(empty, { mode: 0o700 });
  await writeFile(join(empty, "config.json"), "{}");
  return { ...line, env: { ...line.env, DOCKER_CONFIG: empty } };
}

/** What JSON of an engine says, as a schema has it. @throws {BuildError} `engine-failed` with `fault` for what is none. */
export function readJson<T>(schema: z.ZodMiniType<T>, json: string | Buffer, fault: string): T {
  try {
    return schema.parse(JSON.parse(json.toString()));
  } catch (cause) {
    throw new BuildError("engine-failed", fault, { cause });
  }
}

/** Bytes at the end of the output that messages are made of. */
const tailBytes = 4096;

/** Asks for an answer on standard output; nobody sees what else it writes. */
export function ask(line: CommandLine, args: readonly string[], signal: AbortSignal): Promise<Said> {
  return call(line, args, { output: () => undefined, signal }, { captureStdout: true });
}

/** Does something whose output is for people. */
export function show(
  line: CommandLine,
  args: readonly string[],
  io: ActionIo,
  more: Pick<ProgramOptions, "readStdout" | "captureStdout"> & {
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Said> {
  return call(line, args, io, more);
}

async function call(
  { command, env, cwd }: CommandLine,
  args: readonly string[],
  io: ActionIo,
  more: Partial<ProgramOptions>,
): Promise<Said> {
  const output = tailed(io.output);
  const end = await runProgram(command, args, {
    cwd,
    signal: io.signal,
    ...more,
    env: { ...more.env, ...env },
    output: output.take,
  });
  return { ...end, tail: output.tail() };
}

/** Hands output on, and remembers its end. */
export function tailed<Chunk extends Uint8Array>(
  output: (chunk: Chunk) => void,
): { take(chunk: Chunk): void; tail(): string } {
  let kept = Buffer.alloc(0);
  return {
    take(chunk) {
      kept = Buffer.concat([kept, chunk]).subarray(-tailBytes);
      output(chunk);
    },
    tail: () => kept.toString("utf8"),
  };
}

/** What a program said last, on one line: the reason that people look for first. */
export function lastWords(tail: string): string {
  const lines = tail.split(/\r?\n|\r/).filter((line) => line.trim() !== "" && !/^See '/.test(line));
  const said = lines.findLast((line) => /\berror\b|denied|cannot|no such/i.test(line)) ?? lines.at(-1);
  return said === undefined ? "it gave no reason" : harmless(said.trim()).slice(0, 500);
}

/** A command that the engine itself could not do, as an error. `what` goes on after the name of the engine. */
export function engineFailure(
  { command }: CommandLine,
  what: string,
  { tail }: Pick<Said, "tail">,
): BuildError {
  return (
    faultOfEngine(command, tail) ?? new BuildError("engine-failed", `${command} ${what}: ${lastWords(tail)}`)
  );
}

/**
 * How a command of a build ended, unless that was no fault of the build. @throws {BuildError} `disk-full`, `engine-failed`.
 */
export function exitCodeOf(
  { command }: CommandLine,
  { exitCode, tail }: Pick<Said, "exitCode" | "tail">,
): number {
  const fault = exitCode === 0 ? undefined : faultOfEngine(command, tail);
  if (fault !== undefined) throw fault;
  return exitCode;
}

/** What is no fault of a build: a full disk, a daemon that has gone. */
export function faultOfEngine(command: string, tail: string): BuildError | undefined {
  if (/no space left on device|disk quota exceeded/i.test(tail)) {
    return new BuildError("disk-full", `the disk is full: ${lastWords(tail)}`, {
      hint: "make room, or name another folder for temporary files in TMPDIR, and run again",
    });
  }
  if (/cannot connect to the docker daemon|error during connect/i.test(tail)) {
    return new BuildError("engine-failed", `${command} lost its daemon: ${lastWords(tail)}`, {
      hint: "see whether the daemon runs, and run again",
    });
  }
  return undefined;
}
