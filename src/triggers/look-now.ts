import type { Sql } from "../database/index.ts";
import { type Job, judgeRegistryPush, repositoryKey } from "../jobs/index.ts";
import type { Delivery } from "../webhooks/index.ts";
import { ask } from "./asks.ts";
import { wake } from "./notices.ts";

/**
 * What a delivery of a webhook means: look now. Remotes that it may be about are due at once; jobs that wait for pushes to a registry
 * are asked for. It is believed in nothing else. Asks nobody but the database.
 */
export async function lookNow(
  sql: Sql,
  jobs: readonly Job[],
  { repositoryUrls, refs, pull, registry }: Pick<Delivery, "repositoryUrls" | "refs" | "pull" | "registry">,
  now: Date,
): Promise<void> {
  const repositories = [...new Set(repositoryUrls.map(repositoryKey))];
  if (repositories.length > 0) {
    const isAboutAll = refs.length === 0 && pull === undefined;
    const what = [
      ...(refs.length > 0 || isAboutAll ? ["refs"] : []),
      ...(pull !== undefined || isAboutAll ? ["pulls"] : []),
    ];
    await sql.query(
      `UPDATE remote SET told_at = $3, due_at = least(due_at, $3), hinted = true
       WHERE repository = ANY ($1::text[]) AND what = ANY ($2::text[]) AND unwanted_since IS NULL`,
      [repositories, what, now],
    );
  }
  for (const { registry: host, repository, tag } of registry) {
    const pushed = { repository: host === undefined ? repository : `${host}/${repository}`, tag };
    for (const job of jobs) {
      if (judgeRegistryPush(job, pushed).verdict !== "run") continue;
      const text = `push of ${pushed.repository}${tag === undefined ? "" : `:${tag}`} to the registry`;
      await ask(sql, job, {}, { by: "registry", text, at: now.toISOString() });
    }
  }
  await wake(sql);
}
