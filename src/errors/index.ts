export {
  type Cause,
  type CausePlace,
  type CauseStyle,
  causeInLines,
  groupByCause,
  type Problem,
  problemOf,
} from "./causes.ts";
export { harmless } from "./harmless.ts";

/** What a failure carries beside its message. */
export interface FailureDetails {
  /** Where it happened: `file:line:column`, or a registry, repository or reference. */
  readonly where?: string | undefined;
  /** What to do next, as one sentence. */
  readonly hint?: string | undefined;
  /** `host[:port]` whose own failure it is, whatever it was asked for: all that is asked of it fails alike. */
  readonly host?: string | undefined;
  readonly cause?: unknown;
}

/**
 * A failure that Waybill can explain. `message` says what went wrong and why, `where` says where, `hint` says
 * what to do next; `code` is stable and meant for programs. Rooms narrow `Code` to their own set.
 */
export class WaybillError<Code extends string = string> extends Error {
  override readonly name: string = "WaybillError";
  readonly code: Code;
  readonly where: string | undefined;
  readonly hint: string | undefined;
  /** `host[:port]` whose own failure it is: it is not that of the image or the place alone. */
  readonly host: string | undefined;

  constructor(code: Code, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.where = details.where;
    this.hint = details.hint;
    this.host = details.host;
  }
}

/** The message of anything that was thrown, without a stack: for reports, which keep one line a failure. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const where = thrown instanceof WaybillError && thrown.where !== undefined ? `${thrown.where}: ` : "";
  return `${where}${thrown.message}`;
}

/** A failure as plain data, for JSON reports. */
export interface FailureRecord {
  readonly code: string;
  readonly message: string;
  readonly where?: string;
  readonly hint?: string;
  /**
   * `host[:port]` whose own failure it is: unreachable, unknown, without a trusted certificate, of another scheme, or
   * it refuses the credential. Code, message and hint are then the same for everything that was asked of it.
   */
  readonly host?: string;
}

/** Anything that was thrown, as a {@link FailureRecord}; what is not a {@link WaybillError} gets the code `internal`. */
export function failureRecord(thrown: unknown): FailureRecord {
  if (!(thrown instanceof WaybillError)) return { code: "internal", message: messageOf(thrown) };
  return {
    code: thrown.code,
    message: thrown.message,
    ...(thrown.where === undefined ? {} : { where: thrown.where }),
    ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
    ...(thrown.host === undefined ? {} : { host: thrown.host }),
  };
}
