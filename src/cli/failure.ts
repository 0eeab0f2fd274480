import picocolors from "picocolors";
import { failureRecord, WaybillError } from "../errors/index.ts";
import { type Surroundings, type TerminalOptions, wantsColor } from "./terminal.ts";

/** The command line itself is wrong. */
export class UsageError extends WaybillError<"usage"> {
  override readonly name = "UsageError";

  constructor(message: string, hint?: string) {
    super("usage", message, { hint });
  }
}

/** What was thrown, as a failure that can be explained: what the system refused gets its own code. */
export function explained(thrown: unknown): unknown {
  if (thrown instanceof WaybillError || !(thrown instanceof Error)) return thrown;
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return thrown;
  return new WaybillError("system", thrown.message, { cause: thrown });
}

/** Prints a failure: on standard error for people, on standard output where JSON was asked for. */
export function printFailure(failure: unknown, io: Surroundings, options: TerminalOptions): void {
  const record = failureRecord(failure);
  if (options.json === true) {
    io.stdout.write(`${JSON.stringify({ error: record }, undefined, 2)}\n`);
    return;
  }
  const colors = picocolors.createColors(wantsColor(io.stderr, io.env, options));
  const known = record.code !== "internal";
  const hint = known ? record.hint : "this is a defect in Waybill; --verbose shows where it happened";
  const lines = [
    `${colors.red("error:")} ${record.message}`,
    ...(record.where === undefined ? [] : [`  at ${record.where}`]),
    ...(hint === undefined ? [] : [`  ${colors.cyan("hint:")} ${hint}`]),
    ...(options.verbose === true ? [stackOf(failure)] : []),
  ];
  io.stderr.write(`${lines.join("\n")}\n`);
}

function stackOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const cause = failure.cause === undefined ? "" : `\ncaused by: ${stackOf(failure.cause)}`;
  return `${failure.stack ?? failure.message}${cause}`;
}
