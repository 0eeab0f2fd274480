import { failureRecord, harmless, messageOf } from "../errors/index.ts";

/** How much something matters. */
export type LogLevel = "info" | "warn" | "error";

/** More of what is logged, as plain data without secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where a server says what it does. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** Writes a line of JSON for each, for programs that collect them. @param write Gets a line with its end. */
export function jsonLog(write: (line: string) => void, now: () => Date = () => new Date()): Log {
  return (level, message, fields) =>
    write(`${JSON.stringify({ time: now().toISOString(), level, message, ...fields })}\n`);
}

/** Writes lines for people. */
export function textLog(write: (line: string) => void, now: () => Date = () => new Date()): Log {
  return (level, message, fields = {}) => {
    const more = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [` ${name}=${value}`],
    );
    const mark = level === "info" ? "" : `${level === "warn" ? "warning" : "error"}: `;
    write(`${now().toTimeString().slice(0, 8)} ${harmless(`${mark}${message}${more.join("")}`)}\n`);
  };
}

/** Says that something failed, by what it says itself. */
export function logProblem(log: Log, what: string, level: LogLevel = "error"): (error: unknown) => void {
  return (error) => {
    const { code, where, hint } = failureRecord(error);
    log(level, `${what}: ${messageOf(error)}`, { code, where, hint });
  };
}
