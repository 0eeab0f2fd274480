import { CommanderError } from "@commander-js/extra-typings";
import { shellLine } from "../errors/index.ts";
import { type ExitCode, exitCodes, withSomethingUnwritten } from "./exit-codes.ts";
import { explained, printFailure } from "./failure.ts";
import type { Incumbent } from "./incumbents/translate.ts";
import { Interrupted } from "./interruption.ts";
import { openOutputs } from "./output.ts";
import { ParserRefusal } from "./parser-refusal.ts";
import { buildProgram } from "./program.ts";
import { UnwrittenResult } from "./result-file.ts";
import { type GlobalOptions, openSession } from "./session.ts";
import { openStandardStreams } from "./standard-streams.ts";
import type { Surroundings } from "./terminal.ts";
import { usageErrorOf } from "./usage-error.ts";
import { type Act, givenLineOf, settleAll } from "./verb.ts";

/**
 * Runs one command line of `waybill`, without the program's own name, and resolves to the exit status. Never throws:
 * what goes wrong is printed.
 */
export async function main(argv: readonly string[], io?: Surroundings): Promise<ExitCode> {
  if (io === undefined) return onStandardStreams((streams) => main(argv, streams));
  const [word, ...rest] = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
  if (word === "kpromo" || word === "image-builder") return mainAs(word, rest, io);
  let status: ExitCode = exitCodes.asDesired;
  const act: Act = async ({ command, outputs: requests, isJson, notice }, work) => {
    const options: GlobalOptions = command.optsWithGlobals();
    const outputs = await openOutputs(requests, isJson);
    const line = givenLineOf(command);
    const session = openSession(io, options, { run: main, program: () => settleAll(program), outputs, line });
    if (notice !== undefined) session.terminal.note(notice);
    status = await work(session);
  };
  const isBrief = !argv.includes("--help") && !argv.includes("help");
  const program = buildProgram(io, act, isBrief);
  try {
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === "AbortError") return exitCodes.interrupted;
    const refused = thrown instanceof CommanderError ? new ParserRefusal(thrown, program) : thrown;
    if (refused instanceof ParserRefusal) {
      const { code, exitCode } = refused.refusal;
      if (exitCode === 0) return exitCodes.asDesired;
      // The help of a command that was given without a subcommand has been printed already.
      if (code === "commander.help") return exitCodes.nothingDone;
    }
    const options: GlobalOptions = program.opts();
    const failure = refused instanceof ParserRefusal ? await usageErrorOf(refused, argv) : explained(refused);
    printFailure(failure, io, { ...options, ...(asksForJson(argv) ? { json: true } : {}) });
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
  const { translate } = await import("./incumbents/translate.ts");
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

/** Whether a line that may not have been understood asks for JSON on standard output. */
function asksForJson(argv: readonly string[]): boolean {
  const isOutput = (word: string | undefined): boolean => word === "-o" || word === "--output";
  return argv.some(
    (word, at) =>
      ["--json", "--output=json", "-ojson"].includes(word) || (word === "json" && isOutput(argv[at - 1])),
  );
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
  return withSomethingUnwritten(status);
}
