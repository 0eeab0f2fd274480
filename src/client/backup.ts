import { dirname } from "node:path";
import { diskFaultOf, durableFiles } from "../disk/index.ts";
import { ClientError } from "./errors.ts";
import type { Made, Server } from "./server.ts";

/** How much is in a backup. */
export interface FetchedBackup {
  readonly tables: number;
  readonly rows: number;
}

/**
 * Has a server make a backup of its database, and keeps it in a file: the whole of it, in place of what had the name, or nothing.
 * Only the owner of the file may read it. @throws {ClientError}.
 */
export async function fetchBackup(server: Server, file: string): Promise<FetchedBackup> {
  const unwritable = (cause: unknown): never => {
    const { message, hint } = diskFaultOf(cause);
    throw new ClientError("file-unwritable", `the backup cannot be kept: ${message}`, {
      ...{ where: file, hint, cause },
    });
  };
  // Before the server has any work with it.
  const draft = await durableFiles(dirname(file)).begin(0o600).catch(unwritable);
  try {
    const made = await server.make("/backup");
    const [tables, rows] = [made.numberOf("x-waybill-tables"), made.numberOf("x-waybill-rows")];
    if (tables === undefined || rows === undefined) throw otherAnswer(server);
    for await (const bytes of wholeOf(made, server)) await draft.write(bytes).catch(unwritable);
    await draft.keepAs(file).catch(unwritable);
    return { tables, rows };
  } finally {
    await draft.discard();
  }
}

async function* wholeOf({ bytes, numberOf }: Made, server: Server): AsyncIterable<Uint8Array> {
  const length = numberOf("content-length");
  let count = 0;
  for await (const piece of bytes) {
    count += piece.length;
    yield piece;
  }
  if (length === undefined) throw otherAnswer(server);
  if (count === length) return;
  throw new ClientError("server-failed", `only ${count} of ${length} bytes of the backup came`, {
    ...{ where: server.url, hint: "try again" },
  });
}

function otherAnswer({ url }: Server): ClientError {
  return new ClientError("not-a-server", "this is not how a server of Waybill's gives a backup", {
    where: url,
    hint: "is it of a version like this one, and does nothing in front of it change answers?",
  });
}
