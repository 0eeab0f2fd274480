import type { Sql } from "../database/index.ts";
import { repositoryKey, startedAfter } from "../jobs/index.ts";
import type { Asked, QueuedRun } from "../queue/index.ts";
import { ask } from "./asks.ts";
import type { TriggerWorld } from "./model.ts";
import { wake } from "./notices.ts";

/**
 * Remembers a run that has succeeded, in the transaction in which it ends: `onEnd` of the queue. Whoever ends it need not know the
 * jobs. What a pull request has started is remembered by its forge alone: it starts nothing.
 */
export async function noteEnd(sql: Sql, run: QueuedRun): Promise<void> {
  if (run.result !== "SUCCESS" || run.pull !== undefined) return;
  await sql.query(
    `INSERT INTO ended_run (id, job, repo, ref, commit, shadow, ended_at) VALUES ($1, $2, $3, $4, $5, $6, now())
     ON CONFLICT (id) DO NOTHING`,
    [run.id, run.job, run.repo, run.ref, run.commit, run.shadow === true],
  );
  await wake(sql);
}

interface EndedRun {
  readonly id: string;
  readonly job: string;
  readonly repo: string | null;
  readonly ref: string | null;
  readonly commit: string | null;
  readonly shadow: boolean;
}

/**
 * Asks for what the successes of other jobs start. Each of them acts once: it is forgotten in the transaction that asks. A job of the
 * same repository gets the ref and the commit of the run that it follows; a run in shadow starts nothing that writes.
 * @returns How many runs had ended.
 */
export async function actOnEnds(world: TriggerWorld): Promise<number> {
  const { db, jobs, now, listener } = world;
  for (let count = 0; ; count += 1) {
    const acted = await db.transaction(async (sql) => {
      const [ended] = await sql.query<EndedRun>(
        `DELETE FROM ended_run WHERE id = (SELECT id FROM ended_run ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, job, repo, ref, commit, shadow`,
      );
      if (ended === undefined) return undefined;
      const text = `success of ${ended.job}, run ${ended.id}`;
      const asked: { readonly job: string; readonly run: Asked; readonly text: string }[] = [];
      for (const job of startedAfter(jobs(), ended.job)) {
        if (ended.shadow && job.shadow !== true) continue;
        const isSame = ended.repo !== null && repositoryKey(ended.repo) === repositoryKey(job.repo);
        const run = await ask(
          sql,
          job,
          {
            ref: isSame ? (ended.ref ?? undefined) : undefined,
            commit: isSame ? (ended.commit ?? undefined) : undefined,
            after: { job: ended.job, id: ended.id },
          },
          { by: "after", text, at: now().toISOString() },
        );
        asked.push({ job: job.name, run, text });
      }
      return asked;
    });
    if (acted === undefined) return count;
    for (const { job, run, text: cause } of acted) {
      listener?.({ type: "run-asked-for", job, run: run.id, outcome: run.outcome, cause });
    }
  }
}
