import {
  type Content,
  diskFaultOf,
  errorCodeOf,
  type Output,
  openOutput,
  readNamedInPieces,
} from "../disk/index.ts";
import { type FailureDetails, messageOf, WaybillError } from "../errors/index.ts";
import { UsageError } from "./failure.ts";

/** Writes a result, as a whole text or in parts, to where it was asked for. @throws {UnwrittenResult} */
export type WriteResult = (content: Content) => Promise<void>;

/** The work is over, and its result could not be written. */
export class UnwrittenResult extends WaybillError<"file-unwritable"> {
  override readonly name = "UnwrittenResult";
}

/** Opens where a result goes; without a name, it is written nowhere. @throws {WaybillError} */
export type OpenResult = (file: string | undefined) => Promise<WriteResult>;

/**
 * Opens the results of one command: each goes to a place of its own, for the last one would be all that is left.
 *
 * Makes sure that a result can be written, before the work it is the result of begins: a promotion whose report
 * cannot be written would otherwise look like one that failed. A regular file is replaced in one step, so that nobody ever
 * reads half of a result; a device, a pipe and what a link leads to are written to.
 * @returns A function that throws `file-unwritable`, and a usage error for what has been named already.
 */
export function resultOpener(): OpenResult {
  const named = new Map<string, string>();
  return async (file) => {
    if (file === undefined) return async () => {};
    const { place, write } = await openNamed(file);
    const other = place === undefined ? undefined : named.get(place);
    if (other !== undefined) {
      throw new UsageError(
        `two results cannot go to one place: ${[other, file].map((name) => JSON.stringify(name)).join(" and ")}`,
        "name a file for each",
      );
    }
    if (place !== undefined) named.set(place, file);
    return write;
  };
}

async function openNamed(
  file: string,
): Promise<{ readonly place: Output["place"]; readonly write: WriteResult }> {
  let output: Output;
  try {
    output = await openOutput(file);
  } catch (cause) {
    throw new WaybillError("file-unwritable", ...refusal(file, cause));
  }
  const write = async (content: Content): Promise<void> => {
    try {
      await output.write(content);
    } catch (cause) {
      throw new UnwrittenResult("file-unwritable", ...refusal(file, cause));
    }
  };
  return { place: output.place, write };
}

function refusal(file: string, cause: unknown): [message: string, details: FailureDetails] {
  const { message, hint } = diskFaultOf(cause);
  return [`the result cannot be written: ${message}`, { where: file, hint, cause }];
}

/** A saved plan that the command line names, in pieces. @throws {WaybillError} `file-unreadable`. */
export async function* readInPieces(file: string): AsyncGenerator<Uint8Array> {
  const pieces = readNamedInPieces(file);
  try {
    for (;;) {
      const read = await pieces.next().catch((cause: unknown) => {
        const message = errorCodeOf(cause) === "ENOENT" ? "there is no such file" : messageOf(cause);
        const hint = "waybill plan TREE --out FILE saves one";
        throw new WaybillError("file-unreadable", message, { where: file, hint, cause });
      });
      if (read.done) return;
      yield read.value;
    }
  } finally {
    await pieces.return(undefined);
  }
}
