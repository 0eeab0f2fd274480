import { join } from "node:path";
import { readSmall } from "./files.ts";
import type { RecordedRun } from "./model.ts";
import { recordFiles } from "./read-run.ts";

const longestArtifact = 16 * 1024 * 1024;

/**
 * The text of a file of a run's artifacts. `undefined` when it is not there, is no regular file, or has more than 16 MiB:
 * records may come from anybody.
 */
export async function readArtifact(
  { folder }: Pick<RecordedRun, "folder">,
  name: string,
): Promise<string | undefined> {
  return readSmall(join(folder, recordFiles.artifacts, name), longestArtifact);
}
