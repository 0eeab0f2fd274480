import { jsonText, type Sql } from "../database/index.ts";
import { QueueError } from "./errors.ts";
import type { Asked, RunAsk } from "./model.ts";
import { tellChanges } from "./notices.ts";

/** Causes that a run keeps: its first one, and the newest. */
const maxCauses = 20;

/** What {@link contentOf} gives, by the columns of `queue_run`. */
const columns = [
  ...["job", "key", "kind", "type", "repo", "ref", "commit", "pull", "priority", "mutex"],
  ...["max_concurrency", "capacity", "shadow", "timeout_seconds", "not_before", "input", "causes", "author"],
];
const parameters = columns.map((_, at) => `$${at + 1}`);
/** Of a run that is asked for once more: what waits already is newer. */
const rerunOf = `$${columns.length + 2}::bigint`;
const replaced = columns
  .map((column, at) => [column, `$${at + 1}`] as const)
  .filter(([column]) => !["job", "key", "priority", "causes"].includes(column))
  .map(
    ([column, parameter]) =>
      `${column} = CASE WHEN ${rerunOf} IS NULL THEN ${parameter} ELSE run.${column} END`,
  );
const priority = "greatest(run.priority, $9::int)";
const held = `$${columns.length + 1}::text`;
/** Of a run that waits for a person whoever asks again; of one that has begun already, the newer ask holds nothing. */
const nowHeld = `CASE WHEN run.state = 'held' THEN coalesce(run.held, ${held}) WHEN run.attempt = 0 THEN ${held} END`;

const coalesce = `
UPDATE queue_run AS run SET ${replaced.join(", ")},
  priority = ${priority},
  rank = run.rank - 60.0 * (${priority} - run.priority),
  causes = (CASE WHEN jsonb_array_length(run.causes) < ${maxCauses} THEN run.causes ELSE run.causes - 1 END) || $17::jsonb,
  more_causes = run.more_causes + (jsonb_array_length(run.causes) >= ${maxCauses})::int,
  held = ${nowHeld},
  state = CASE WHEN ${nowHeld} IS NULL THEN 'waiting' ELSE 'held' END
WHERE id = (
  SELECT id FROM queue_run WHERE job = $1 AND key = $2 AND state IN ('held', 'waiting')
  ORDER BY state = 'held' DESC LIMIT 1 FOR UPDATE
)
RETURNING id, state`;

const insert = `
INSERT INTO queue_run (${columns.join(", ")}, held, rerun_of, state, rank)
VALUES (${parameters.join(", ")}, ${held}, ${rerunOf},
  CASE WHEN ${held} IS NULL THEN 'waiting' ELSE 'held' END, extract(epoch FROM now()) - 60.0 * $9::int)
ON CONFLICT DO NOTHING RETURNING id, state`;

/**
 * Asks for a run, within the caller's transaction: it is queued when that is committed, together with what the caller remembers.
 * A run of the same job and key that waits or is held becomes this one; behind one that runs, this one waits.
 * @throws {QueueError} `invalid-run`.
 */
export async function askForRun(sql: Sql, request: RunAsk): Promise<Asked> {
  return askOnceMore(sql, request, undefined);
}

/** @param of The id of the run that it has the input of: what waits keeps its own, which is newer. */
export async function askOnceMore(sql: Sql, request: RunAsk, of: string | undefined): Promise<Asked> {
  check(request);
  const values = [...contentOf(request), request.held, of];
  // Who asks for the same at the same time may come between the two.
  for (;;) {
    const [known] = await sql.query<Pick<Asked, "id" | "state">>(coalesce, values);
    const [row] =
      known === undefined ? await sql.query<Pick<Asked, "id" | "state">>(insert, values) : [known];
    if (row === undefined) continue;
    await tellChanges(sql, [row]);
    return { ...row, outcome: known === undefined ? "queued" : "coalesced" };
  }
}

function contentOf(ask: RunAsk): unknown[] {
  return [
    ...[
      ask.job,
      ask.key,
      ask.kind,
      ask.type,
      ask.repo,
      ask.ref,
      ask.commit,
      ask.pull,
      ask.priority,
      ask.mutex,
    ],
    ...[ask.maxConcurrency, ask.capacity, ask.shadow, ask.timeoutSeconds, ask.notBefore],
    jsonText(ask.input),
    jsonText([ask.cause]),
    ask.author,
  ];
}

function check({ job, key, priority, maxConcurrency, timeoutSeconds }: RunAsk): void {
  const refuse = (message: string) => {
    throw new QueueError("invalid-run", message, { where: job });
  };
  if (!/^[A-Za-z0-9-._]+$/.test(job)) refuse("a job's name is letters, digits, dashes, dots and underscores");
  if (key === "" || key.length > 1024) refuse("the key of a run is 1 to 1024 characters long");
  if (!Number.isInteger(priority) || Math.abs(priority) > 1_000_000)
    refuse("a priority is a whole number, 1,000,000 at most");
  if (maxConcurrency !== undefined && !(Number.isInteger(maxConcurrency) && maxConcurrency > 0)) {
    refuse("the runs of a job at the same time are a whole number above 0");
  }
  if (timeoutSeconds !== undefined && !(timeoutSeconds > 0)) refuse("a run's time is more than 0 seconds");
}
