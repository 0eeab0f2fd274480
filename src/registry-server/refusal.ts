import { errorCodeOf } from "../disk/index.ts";
import { WaybillError } from "../errors/index.ts";

/** The error codes of the distribution specification ("Error Codes"), and `UNKNOWN` for faults of the server itself. */
export type RefusalCode = keyof typeof usualStatus;

const usualStatus = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNKNOWN: 500,
} as const;

interface RefusalOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A request that is answered with an error: thrown by whoever finds out, turned into a response in one place. */
export class Refusal extends WaybillError<RefusalCode> {
  override readonly name = "Refusal";
  override readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(code, message, { cause: options.cause });
    this.status = options.status ?? usualStatus[code];
    this.headers = options.headers ?? {};
  }

  /** The response body: the JSON that the specification lays down for errors. */
  body(): string {
    return JSON.stringify({ errors: [{ code: this.code, message: this.message }] });
  }
}

const diskIsFull: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Anything that was thrown while answering, as a {@link Refusal}. What the operating system said stays in `cause`:
 * paths of the server are nobody else's business.
 */
export function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  const code = errorCodeOf(thrown);
  if (diskIsFull.has(code)) {
    return new Refusal("UNKNOWN", "the registry has no room left on its disk", {
      status: 507,
      cause: thrown,
    });
  }
  return new Refusal("UNKNOWN", "the registry failed to carry out the request", { cause: thrown });
}
