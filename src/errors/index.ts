export {
  type Cause,
  type CausePlace,
  type CauseStyle,
  causeInLines,
  groupByCause,
  type Problem,
  problemOf,
} from "./causes.ts";
export { harmless, shellLine } from "./harmless.ts";

/** A sentence, and what of it is the same wherever it is said. */
export interface Phrase {
  readonly text: string;
  /** The sentence with `…` for each thing that it names. */
  readonly pattern: string;
}

/**
 * A sentence that names things, as a tagged template: what stands between the braces is named, all else is the same
 * wherever the sentence is said. A phrase in it is part of the sentence, and names what it names itself.
 */
export function phrase(
  words: readonly string[],
  ...named: readonly (string | number | bigint | Phrase | undefined)[]
): Phrase {
  const [first = "", ...rest] = words;
  let text = first;
  let pattern = first;
  for (const [at, word] of rest.entries()) {
    const thing = named[at];
    const isPart = typeof thing === "object";
    text += `${isPart ? thing.text : thing}${word}`;
    pattern += `${isPart ? thing.pattern : "…"}${word}`;
  }
  return { text, pattern };
}

/** A sentence that names nothing is the same wherever it is said. */
export function phraseOf(said: string | Phrase): Phrase {
  return typeof said === "string" ? { text: said, pattern: said } : said;
}

/** A repository that a failure is about. */
export interface FailurePlace {
  /** `host[:port]` of the registry, as it was asked for; absent for a folder. */
  readonly registry?: string | undefined;
  /** The repository, by the name that it was asked for by. */
  readonly repository?: string | undefined;
}

/** What a failure carries beside its message. */
export interface FailureDetails extends FailurePlace {
  /** Where it happened: `file:line:column`, or a registry, repository or reference. */
  readonly where?: string | undefined;
  /** What to do next, as one sentence. */
  readonly hint?: string | Phrase | undefined;
  /**
   * `host[:port]` whose own failure it is, whatever it was asked for: unreachable, unknown, without a trusted certificate, of
   * another scheme, or it refuses the credential. All that is asked of it fails alike.
   */
  readonly host?: string | undefined;
  /** The HTTP status of the answer that it stands for. */
  readonly status?: number | undefined;
  /** By what the server finds that request again, where it says so. */
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** What marks failures of all copies of this package that one program may have. */
const mark = Symbol.for("waybill.error");

/**
 * A failure that Waybill can explain. `message` says what went wrong and why, `where` says where, `hint` says
 * what to do next; `code` is stable and meant for programs. Rooms narrow `Code` to their own set.
 */
export class WaybillError<Code extends string = string> extends Error {
  static {
    Object.defineProperty(WaybillError.prototype, mark, { value: true });
  }

  override readonly name: string = "WaybillError";
  readonly code: Code;
  readonly where: FailureDetails["where"];
  readonly hint: string | undefined;
  readonly host: FailureDetails["host"];
  readonly registry: FailureDetails["registry"];
  readonly repository: FailureDetails["repository"];
  readonly status: FailureDetails["status"];
  readonly requestId: FailureDetails["requestId"];
  /** Message and hint with `…` for what they name; `undefined` where they name nothing. */
  readonly pattern: string | undefined;

  constructor(code: Code, message: string | Phrase, details: FailureDetails = {}) {
    super(phraseOf(message).text, details.cause === undefined ? undefined : { cause: details.cause });
    const { where, hint, host, registry, repository, status, requestId } = details;
    this.code = code;
    this.where = where;
    this.hint = hint === undefined ? undefined : phraseOf(hint).text;
    this.host = host;
    this.registry = registry;
    this.repository = repository;
    this.status = status;
    this.requestId = requestId;
    const namesNothing = typeof message === "string" && (hint === undefined || typeof hint === "string");
    this.pattern = namesNothing
      ? undefined
      : [message, hint ?? ""].map((said) => phraseOf(said).pattern).join("\n");
  }

  /** Says at which repository it happened, where it does not say that itself. */
  placedAt({ registry, repository }: FailurePlace): this {
    const isPlaced = this.registry !== undefined || this.repository !== undefined;
    return isPlaced ? this : Object.assign(this, { registry, repository });
  }

  /** Names files of a temporary folder, which means nothing to anybody, from there on. */
  namedFrom(folder: string): this {
    const named = (text: string | undefined) => text?.replaceAll(`${folder}/`, "").replaceAll(folder, ".");
    const { message, where, hint, pattern } = this;
    return Object.assign(this, {
      message: named(message),
      where: named(where),
      hint: named(hint),
      pattern: named(pattern),
    });
  }
}

/** Whether it is a {@link WaybillError}, be it one of another copy of this package in the same program. */
export function isWaybillError(value: unknown): value is WaybillError {
  return value instanceof Error && mark in value;
}

/** The message of anything that was thrown, without a stack: for reports, which keep one line a failure. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const where = isWaybillError(thrown) && thrown.where !== undefined ? `${thrown.where}: ` : "";
  return `${where}${thrown.message}`;
}

/** A failure as plain data, for JSON reports. Where it is the `host`'s own, all that was asked of that has the same. */
export interface FailureRecord extends Omit<FailureDetails, "hint" | "cause"> {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** Message and hint with `…` for what they name: the same for all that fails for one cause. */
  readonly pattern?: string | undefined;
}

/** What a record has of a failure beside its code and message, where the failure has it. */
const recordedFields = [
  "where",
  "hint",
  "host",
  "registry",
  "repository",
  "status",
  "requestId",
  "pattern",
] as const;

/** Anything that was thrown, as a {@link FailureRecord}; what is not a {@link WaybillError} gets the code `internal`. */
export function failureRecord(thrown: unknown): FailureRecord {
  if (!isWaybillError(thrown)) return { code: "internal", message: messageOf(thrown) };
  const { code, message } = thrown;
  const known = recordedFields.flatMap((field) =>
    thrown[field] === undefined ? [] : [[field, thrown[field]]],
  );
  return { code, message, ...Object.fromEntries(known) };
}
