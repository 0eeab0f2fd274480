import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A row of the page that Prow shows of a job. */
interface Row {
  readonly id: string;
  readonly started: Date;
  readonly result: string;
  readonly commit: string | undefined;
}

/**
 * What Deck's page `/job-history/gs/BUCKET/ROOT` reads: the newest id from `latest-build.txt`, the ids of folders (of
 * files `ID.txt`, for pull requests), and of the 20 that are not newer the two documents. A run without `finished.json`
 * is pending; one without `started.json` is an error.
 */
export async function jobHistory(bucket: string, root: string): Promise<Row[]> {
  const latest = BigInt((await readFile(join(bucket, root, "latest-build.txt"), "utf8")).trim());
  const names = await readdir(join(bucket, root));
  const isForPulls = root.startsWith("pr-logs/");
  const ids = names
    .map((name) => (isForPulls ? /^(\d+)\.txt$/ : /^(\d+)$/).exec(name)?.[1])
    .filter((id) => id !== undefined)
    .map((id) => BigInt(id))
    .filter((id) => id <= latest)
    .sort((a, b) => (a < b ? 1 : -1))
    .slice(0, 20);
  return Promise.all(
    ids.map(async (id) => {
      const place = isForPulls ? await readFile(join(bucket, root, `${id}.txt`), "utf8") : `${root}/${id}`;
      const started = JSON.parse(await readFile(join(bucket, place, "started.json"), "utf8"));
      const finished = await readFile(join(bucket, place, "finished.json"), "utf8").then(
        (text) => JSON.parse(text),
        () => undefined,
      );
      return {
        id: String(id),
        started: new Date(started.timestamp * 1000),
        result: finished?.result ?? "Pending",
        commit: started["repo-commit"],
      };
    }),
  );
}
