import { chmod, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isKnownToHaveEnded, processMark } from "./mark.ts";

/**
 * Makes an empty folder among the temporary files, for this process, and removes those of the same name whose processes were
 * killed before they could. Links in its path are resolved.
 * @param name Such as `waybill-build`.
 */
export async function makeTemporaryFolder(name: string): Promise<string> {
  await removeAbandoned(`${name}-`);
  return realpath(await mkdtemp(join(tmpdir(), `${name}-${processMark()}-`)));
}

/**
 * Removes a folder with all that is in it, also while programs that are ending still write into it, and folders that not even
 * their owner may write, as images and caches of modules have them.
 */
export async function removeTemporaryFolder(folder: string): Promise<void> {
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  await remove().catch(async () => {
    await makeWritable(folder);
    await remove();
  });
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700).catch(() => undefined);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}

async function removeAbandoned(prefix: string): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  const abandoned = names.filter(
    (name) => name.startsWith(prefix) && isKnownToHaveEnded(name.slice(prefix.length)),
  );
  await Promise.all(
    abandoned.map((name) => removeTemporaryFolder(join(tmpdir(), name)).catch(() => undefined)),
  );
}
