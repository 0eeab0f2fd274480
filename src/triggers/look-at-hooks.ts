import type { Database } from "../database/index.ts";
import type { RemoteState, TriggerWorld } from "./model.ts";
import { wake } from "./notices.ts";

/** Hooks are looked at so often, in milliseconds: what they do not tell is found anyway, later. */
const each = 60 * 60_000;
const jitter = 0.2;
/** After one that could not be looked at. */
const again = 10 * 60_000;
/** Repositories that are looked at in one go. */
const maxLooks = 20;

interface HookRow {
  readonly repository: string;
  readonly url: string;
  readonly mark: string | null;
  readonly trouble: string | null;
}

/**
 * Asks forges what has become of deliveries to us, now and then for each repository: one that was not delivered means that something has
 * happened, so the repository is looked at now; a hook that is switched off is told as a problem of the repository. Any number of
 * processes may do it: each repository is looked at by one of them. Needed by nobody to find what happens, only to find it soon.
 * @param prefix Of the addresses that webhooks have here, such as `https://waybill.example.com/webhooks/`.
 */
export async function lookAtHooks(
  world: Pick<TriggerWorld, "db" | "projectOf" | "listener" | "now" | "random" | "signal">,
  prefix: string,
): Promise<void> {
  const { db, now, random, signal } = world;
  await db.query(
    `INSERT INTO remote_hook (repository, url, due_at)
     SELECT DISTINCT ON (repository) repository, url, $1::timestamptz FROM remote WHERE unwanted_since IS NULL ORDER BY repository, what
     ON CONFLICT (repository) DO UPDATE SET url = excluded.url WHERE remote_hook.url <> excluded.url`,
    [now()],
  );
  await db.query(
    "DELETE FROM remote_hook WHERE NOT EXISTS (SELECT 1 FROM remote WHERE remote.repository = remote_hook.repository AND unwanted_since IS NULL)",
  );
  const next = new Date(now().getTime() + each * (1 - jitter + 2 * jitter * random()));
  const due = await db.query<HookRow>(
    `UPDATE remote_hook AS taken SET due_at = $2
     FROM (SELECT repository FROM remote_hook WHERE due_at <= $1 ORDER BY due_at LIMIT ${maxLooks} FOR UPDATE SKIP LOCKED) AS next
     WHERE taken.repository = next.repository RETURNING taken.repository, taken.url, taken.mark, taken.trouble`,
    [now(), next],
  );
  for (const row of due) {
    if (signal?.aborted === true) return;
    await lookAt(world, row, prefix).catch(async () => {
      // A forge that does not answer is told of by those who look at its repositories.
      await db.query("UPDATE remote_hook SET due_at = $2 WHERE repository = $1", [
        row.repository,
        new Date(now().getTime() + again),
      ]);
    });
  }
}

async function lookAt(
  { db, projectOf, listener, now }: Pick<TriggerWorld, "db" | "projectOf" | "listener" | "now">,
  { repository, url, mark, trouble: before }: HookRow,
  prefix: string,
): Promise<void> {
  const found = await (await projectOf(url)).hooks.look(prefix, mark ?? undefined);
  // Nobody lets us know: then nothing is known to be wrong.
  const { trouble, failed = 0, mark: next = mark ?? undefined } = found ?? {};
  await db.transaction(async (sql) => {
    await sql.query(
      `UPDATE remote_hook SET mark = $2, trouble = $3, hint = $4,
         trouble_since = CASE WHEN $3::text IS NULL THEN NULL ELSE coalesce(trouble_since, $5) END,
         looked_at = CASE WHEN $6 THEN $5 ELSE looked_at END,
         failed = CASE WHEN $7 > 0 THEN $7 ELSE failed END, failed_at = CASE WHEN $7 > 0 THEN $5 ELSE failed_at END
       WHERE repository = $1`,
      [repository, next, trouble?.message, trouble?.hint, now(), found !== undefined, failed],
    );
    if (failed === 0) return;
    await sql.query(
      "UPDATE remote SET due_at = least(due_at, $2), hinted = true WHERE repository = $1 AND unwanted_since IS NULL",
      [repository, now()],
    );
    await wake(sql);
  });
  if (failed > 0) listener?.({ type: "deliveries-failed", url, count: failed });
  if (trouble !== undefined && trouble.message !== before) listener?.({ type: "hook-off", url, ...trouble });
  if (trouble === undefined && before !== null) listener?.({ type: "hook-on", url });
}

/** What is known of the webhooks of repositories, by repository. */
export async function hooksOf(
  sql: Pick<Database, "query">,
): Promise<ReadonlyMap<string, Pick<RemoteState, "hook" | "hookDeliveries">>> {
  const rows = await sql.query<{
    readonly repository: string;
    readonly trouble: string | null;
    readonly hint: string | null;
    readonly trouble_since: Date | null;
    readonly looked_at: Date | null;
    readonly failed: number;
    readonly failed_at: Date | null;
  }>(
    `SELECT repository, trouble, hint, trouble_since, looked_at, failed, failed_at FROM remote_hook
     WHERE trouble IS NOT NULL OR looked_at IS NOT NULL`,
  );
  return new Map(
    rows.map(({ repository, trouble, hint, trouble_since: since, looked_at: at, failed, failed_at }) => {
      const hook =
        trouble === null || since === null ? undefined : { message: trouble, hint: hint ?? "", since };
      const hookDeliveries = at === null ? undefined : { at, failed, failedAt: failed_at ?? undefined };
      return [repository, { hook, hookDeliveries }];
    }),
  );
}
