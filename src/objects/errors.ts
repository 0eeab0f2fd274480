import { diskFaultOf } from "../disk/index.ts";
import { type FailureDetails, harmless, WaybillError } from "../errors/index.ts";

/**
 * Why an object could not be kept, read, listed or removed.
 * - `invalid-place`: what was named is no folder and no bucket.
 * - `invalid-object-path`: a path that leads elsewhere.
 * - `object-credentials-missing`: no place holds a key for the bucket, or what holds it cannot be read.
 * - `object-forbidden`: the key is wrong, has run out, or has not the right for it.
 * - `bucket-missing`: there is no such bucket, or it is elsewhere.
 * - `objects-unreachable`: the store does not answer, or only with failures of its own.
 * - `objects-refused`: it understood, and will not; the message has its reason.
 * - `unexpected-objects-answer`: it answered something else than its documentation says.
 * - `objects-unwritable`, `objects-unreadable`: the file system refused.
 */
export type ObjectErrorCode =
  | "invalid-place"
  | "invalid-object-path"
  | "object-credentials-missing"
  | "object-forbidden"
  | "bucket-missing"
  | "objects-unreachable"
  | "objects-refused"
  | "unexpected-objects-answer"
  | "objects-unwritable"
  | "objects-unreadable";

/** An object that cannot be kept, read, listed or removed. */
export class ObjectError extends WaybillError<ObjectErrorCode> {
  override readonly name = "ObjectError";
}

/** What the file system refused, as an error of this room. */
export function diskFailure(
  error: unknown,
  code: "objects-unwritable" | "objects-unreadable",
  where: string,
): ObjectError {
  if (error instanceof ObjectError) return error;
  const { message, hint } = diskFaultOf(error);
  return new ObjectError(code, message, { where, hint, cause: error });
}

/** A path as its steps. @throws {ObjectError} `invalid-object-path` when it leads elsewhere. */
export function stepsOf(path: string): readonly string[] {
  const steps = path.split("/");
  const isFit = steps.every(
    (step) => step !== "" && step !== "." && step !== ".." && !/[\0\\]/.test(step) && !/\p{Cs}/u.test(step),
  );
  if (isFit && Buffer.byteLength(path) <= maxPathBytes) return steps;
  throw unfit(path);
}

/** The same of a folder: empty, or with a slash at its end. */
export function stepsOfFolder(folder: string): readonly string[] {
  if (folder === "") return [];
  if (!folder.endsWith("/")) throw unfit(folder);
  return stepsOf(folder.slice(0, -1));
}

/** S3 and Google take no longer ones. */
const maxPathBytes = 1024;

function unfit(path: string): ObjectError {
  const details: FailureDetails = {
    hint: "a path has steps with slashes between them, none of them empty, . or .., and 1024 bytes at most",
  };
  return new ObjectError(
    "invalid-object-path",
    `${JSON.stringify(harmless(path.slice(0, 200)))} is no path of an object`,
    details,
  );
}
