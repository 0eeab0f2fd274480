import { main, mainAs } from "../../src/cli/main.ts";

/** What a command line left behind. */
export interface Captured {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line of `waybill` in this process. */
export function run(...argv: string[]): Promise<Captured> {
  return capture({}, (io) => main(argv, io));
}

/** The same with environment variables of its own. */
export function runWith(env: Record<string, string>, ...argv: string[]): Promise<Captured> {
  return capture(env, (io) => main(argv, io));
}

/** The same with something on standard input. */
export function runFed(
  env: Record<string, string>,
  input: AsyncIterable<string> & { readonly isTTY?: boolean },
  ...argv: string[]
): Promise<Captured> {
  return capture(env, (io) => main(argv, { ...io, stdin: () => input }));
}

/** Runs a line of a program that Waybill stands in for. */
export function runAs(
  env: Record<string, string>,
  program: Parameters<typeof mainAs>[0],
  ...line: string[]
): Promise<Captured> {
  return capture(env, (io) => mainAs(program, line, io));
}

type Io = NonNullable<Parameters<typeof main>[1]>;

async function capture(env: Io["env"], work: (io: Io) => Promise<number>): Promise<Captured> {
  let stdout = "";
  let stderr = "";
  const status = await work({
    env,
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { status, stdout, stderr };
}
