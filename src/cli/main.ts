import { type Command, CommanderError } from "commander";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { explained, printFailure } from "./failure.ts";
import type { Incumbent } from "./incumbents/translate.ts";
import { Interrupted } from "./interruption.ts";
import { buildProgram } from "./program.ts";
import { UnwrittenResult } from "./result-file.ts";
import { type Act, type GlobalOptions, openSession, type Session } from "./session.ts";
import { openStandardStreams } from "./standard-streams.ts";
import type { Surroundings } from "./terminal.ts";

/**
 * Runs one command line of `waybill`, without the program's own name, and resolves to the exit status. Never throws:
 * what goes wrong is printed.
 */
export async function main(argv: readonly string[], io?: Surroundings): Promise<ExitCode> {
  if (io === undefined) return onStandardStreams((streams) => main(argv, streams));
  if (argv[0] === "kpromo" || argv[0] === "image-builder") return mainAs(argv[0], argv.slice(1), io);
  let status: ExitCode = exitCodes.asDesired;
  const act: Act =
    <Given extends unknown[]>(work: (session: Session, ...given: Given) => Promise<ExitCode>) =>
    async (...received: unknown[]) => {
      // The parser passes what the command declares, its options, and the command itself.
      const command = received.at(-1) as Command;
      const session = openSession(io, command.optsWithGlobals<GlobalOptions>(), main);
      status = await work(session, ...(received.slice(0, -1) as Given));
    };
  const program = buildProgram(io, act);
  try {
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitCodes.asDesired;
    if (thrown instanceof Error && thrown.name === "AbortError") return exitCodes.interrupted;
    // The help of a command that was given without a subcommand has been printed already.
    if (thrown instanceof CommanderError && thrown.code === "commander.help") return exitCodes.nothingDone;
    const asked = argv.includes("--json") ? { json: true } : {};
    const verb = program.commands.find((found) => argv.includes(found.name()));
    const name = verb === undefined ? program.name() : `${program.name()} ${verb.name()}`;
    printFailure(explained(thrown, name), io, { ...program.opts<GlobalOptions>(), ...asked });
    return statusOfFailure(thrown);
  }
}

/** Runs a line of a program that Waybill stands in for: says what it became, then does that. */
export async function mainAs(
  program: Incumbent,
  line: readonly string[],
  io?: Surroundings,
): Promise<ExitCode> {
  if (io === undefined) return onStandardStreams((streams) => mainAs(program, line, streams));
  const { shellLine, translate } = await import("./incumbents/translate.ts");
  try {
    const translation = translate(program, line, io.env);
    if ("help" in translation) {
      io.stdout.write(`${translation.help}\n`);
      return exitCodes.asDesired;
    }
    for (const notice of translation.notices) io.stderr.write(`note: ${notice}\n`);
    io.stderr.write(`note: in Waybill's words: waybill ${shellLine(translation.command)}\n`);
    return await main(translation.command, io);
  } catch (thrown) {
    printFailure(thrown, io, {});
    return exitCodes.nothingDone;
  }
}

function statusOfFailure(thrown: unknown): ExitCode {
  if (thrown instanceof UnwrittenResult) return exitCodes.unwritten;
  return thrown instanceof Interrupted ? exitCodes.interrupted : exitCodes.nothingDone;
}

/** Runs a line with this process's own streams; that they cannot be written to is an error like any other. */
async function onStandardStreams(work: (streams: Surroundings) => Promise<ExitCode>): Promise<ExitCode> {
  const streams = openStandardStreams();
  const status = await work(streams);
  const failure = await streams.settled();
  if (failure === undefined) return status;
  printFailure(failure, streams, {});
  // What was not begun, or not done, is more than what could not be said of it.
  const isKept = status === exitCodes.nothingDone || status === exitCodes.interrupted;
  return isKept ? status : exitCodes.unwritten;
}
