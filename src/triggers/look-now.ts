import type { Sql } from "../database/index.ts";
import { type Job, judgeRegistryPush, repositoryKey } from "../jobs/index.ts";
import type { Delivery } from "../webhooks/index.ts";
import { ask } from "./asks.ts";
import { wake } from "./notices.ts";

/** What a delivery tells of. */
type Hint = Pick<Delivery, "repositoryUrls" | "refs" | "pull" | "registry">;

/**
 * What deliveries of webhooks mean: look now. Remotes that they may be about are due at once; jobs that wait for pushes to a registry
 * are asked for. They are believed in nothing else. Asks nobody but the database.
 */
export async function lookNow(
  sql: Sql,
  jobs: readonly Job[],
  deliveries: readonly Hint[],
  now: Date,
): Promise<void> {
  const byKey = new Map(deliveries.flatMap(remotesOf).map((remote) => [remote.join(" "), remote]));
  const remotes = [...byKey.values()];
  if (remotes.length > 0) {
    await sql.query(
      `UPDATE remote SET told_at = $3, due_at = least(due_at, $3), hinted = true
       FROM unnest($1::text[], $2::text[]) AS told (what, repository)
       WHERE remote.what = told.what AND remote.repository = told.repository AND unwanted_since IS NULL`,
      [remotes.map(([what]) => what), remotes.map(([, repository]) => repository), now],
    );
  }
  for (const { registry: host, repository, tag } of deliveries.flatMap(({ registry }) => registry)) {
    const pushed = { repository: host === undefined ? repository : `${host}/${repository}`, tag };
    for (const job of jobs) {
      if (judgeRegistryPush(job, pushed).verdict !== "run") continue;
      const text = `push of ${pushed.repository}${tag === undefined ? "" : `:${tag}`} to the registry`;
      await ask(sql, job, {}, { by: "registry", text, at: now.toISOString() });
    }
  }
  await wake(sql);
}

/** Has it looked soon what is said under a pull request, also where the forge says that nothing of it has changed. */
export async function lookAgain(sql: Sql, url: string, number: number, now: Date): Promise<void> {
  await sql.query("UPDATE pull_head SET updated_seen_at = $3 WHERE repository = $1 AND number = $2", [
    ...[repositoryKey(url), number, now],
  ]);
  await lookNow(sql, [], [{ repositoryUrls: [url], refs: [], pull: number, registry: [] }], now);
}

/** What is to be looked at, of which repository. */
function remotesOf({ repositoryUrls, refs, pull }: Hint): (readonly ["refs" | "pulls", string])[] {
  const isAboutAll = refs.length === 0 && pull === undefined;
  return repositoryUrls
    .map(repositoryKey)
    .flatMap((repository) => [
      ...(refs.length > 0 || isAboutAll ? [["refs", repository] as const] : []),
      ...(pull !== undefined || isAboutAll ? [["pulls", repository] as const] : []),
    ]);
}
