import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processMark } from "./mark.ts";
import { sweep } from "./sweep.ts";

/**
 * Makes an empty folder among the temporary files, for this process, and removes those of the same name whose processes were
 * killed before they could. Links in its path are resolved. Whoever makes it removes it.
 * @param name Such as `waybill-build`.
 */
export async function makeTemporaryFolder(name: string): Promise<string> {
  const prefix = `${name}-`;
  const owner = (other: string) => (other.startsWith(prefix) ? other.slice(prefix.length) : undefined);
  // A folder that many share may be one that nobody lists.
  await sweep(tmpdir(), { owner }).catch(() => undefined);
  return realpath(await mkdtemp(join(tmpdir(), `${prefix}${processMark()}-`)));
}
