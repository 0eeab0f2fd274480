import { type Command, CommanderError } from "commander";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { explained, printFailure } from "./failure.ts";
import type { Incumbent } from "./incumbents/translate.ts";
import { buildProgram } from "./program.ts";
import { type Act, type GlobalOptions, openSession, type Session } from "./session.ts";
import type { Surroundings } from "./terminal.ts";

/**
 * Runs one command line of `waybill`, without the program's own name, and resolves to the exit status. Never throws:
 * what goes wrong is printed.
 */
export async function main(argv: readonly string[], io: Surroundings = process): Promise<ExitCode> {
  if (argv[0] === "kpromo" || argv[0] === "image-builder") return mainAs(argv[0], argv.slice(1), io);
  if (io === process) dropBrokenPipes();
  let status: ExitCode = exitCodes.asDesired;
  const act: Act =
    <Given extends unknown[]>(work: (session: Session, ...given: Given) => Promise<ExitCode>) =>
    async (...received: unknown[]) => {
      // The parser passes what the command declares, its options, and the command itself.
      const command = received.at(-1) as Command;
      const session = openSession(io, command.optsWithGlobals<GlobalOptions>());
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
    return exitCodes.nothingDone;
  }
}

/** Runs a line of a program that Waybill stands in for: says what it became, then does that. */
export async function mainAs(
  program: Incumbent,
  line: readonly string[],
  io: Surroundings = process,
): Promise<ExitCode> {
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

/** A reader that has gone, as in `waybill plan … | head`, is no failure: the work goes on without it. */
function dropBrokenPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}
