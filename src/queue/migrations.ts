import type { Migration } from "../database/index.ts";

/** What stands between words, as a text of SQL: no quotation mark and no backslash is left in one. */
const separators = String.raw`E' \t\n\r/:@._-#,;()[]{}<>"\'\140+~!?&|*%=^$\\'`;

/**
 * The words of a text, as an expression of SQL: a function that an index uses finds no function of ours while the index is made.
 * Letters beyond ASCII are as the locale of the database has them.
 */
function wordsOf(text: string): string {
  return `array_remove(string_to_array(translate(lower(${text}), ${separators}, repeat(' ', length(${separators}))), ' '), '')`;
}

/**
 * The tables of the queue.
 * - `queue_run` is ordered by `rank` while it waits: seconds since 1970, less a minute for each point of priority. As all
 *   runs grow older together, what has the lowest rank now has the lowest for ever, and nothing starves.
 * - `queue_slot` has a row for each limit that a running run takes a place of. Its primary key makes the limits hard.
 * - `queue_attempt` has a row for each time that a worker has begun a run, so that an attempt which died is still known.
 * - `queue_worker` has the leases, one for each process: its runs are its own for as long.
 * - `queue_budget` has, for each quota of a host, the time from which on its requests are nobody's yet, in milliseconds since 1970.
 * - `queue_run_words` has the words of a run, each of 2,000 bytes at most: a longer one is no lexeme, and would be an error.
 *   `queue_search` is true of what has for each word of a text one that begins like it.
 * - `queue_supervision` has one row: when a process last looked for leases that have run out.
 */
export const queueMigrations: readonly Migration[] = [
  {
    id: "queue-0001",
    sql: `
CREATE SEQUENCE queue_run_number;

CREATE TABLE queue_run (
  id bigint PRIMARY KEY DEFAULT
    (((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1288834974657) << 22) | (2 << 12) | (nextval('queue_run_number') & 4095),
  job text NOT NULL,
  kind text NOT NULL,
  type text NOT NULL,
  repo text,
  ref text,
  commit text,
  pull int,
  key text NOT NULL,
  priority int NOT NULL,
  mutex text,
  max_concurrency int,
  capacity text,
  shadow boolean,
  timeout_seconds float8,
  input jsonb NOT NULL,
  causes jsonb NOT NULL,
  more_causes int NOT NULL DEFAULT 0,
  rerun_of bigint,
  state text NOT NULL CHECK (state IN ('held', 'waiting', 'running', 'ended')),
  held text,
  not_before timestamptz,
  asked_at timestamptz NOT NULL DEFAULT now(),
  rank float8 NOT NULL,
  attempt int NOT NULL DEFAULT 0,
  crashes int NOT NULL DEFAULT 0,
  worker text,
  started_at timestamptz,
  abort jsonb,
  result text CHECK (result IN ('SUCCESS', 'FAILURE', 'ABORTED', 'ERROR')),
  details jsonb,
  ended_at timestamptz,
  CHECK ((state = 'held') <= (held IS NOT NULL)),
  CHECK ((state = 'running') <= (worker IS NOT NULL AND started_at IS NOT NULL)),
  CHECK ((state = 'ended') = (result IS NOT NULL AND ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX queue_run_waiting ON queue_run (job, key) WHERE state = 'waiting';
CREATE UNIQUE INDEX queue_run_held ON queue_run (job, key) WHERE state = 'held';
CREATE INDEX queue_run_rank ON queue_run (rank, id) WHERE state = 'waiting';
CREATE INDEX queue_run_worker ON queue_run (worker) WHERE state = 'running';
CREATE INDEX queue_run_open ON queue_run (state, id) WHERE state <> 'ended';
CREATE INDEX queue_run_job ON queue_run (job, id);
CREATE INDEX queue_run_kind ON queue_run (kind, id);
CREATE INDEX queue_run_result ON queue_run (result, id) WHERE result <> 'SUCCESS';
CREATE INDEX queue_run_repo ON queue_run (repo, pull, id);
CREATE INDEX queue_run_ended ON queue_run (ended_at) WHERE state = 'ended';

CREATE TABLE queue_slot (
  kind text NOT NULL CHECK (kind IN ('key', 'mutex', 'job', 'capacity')),
  name text NOT NULL,
  place int NOT NULL,
  run bigint NOT NULL,
  PRIMARY KEY (kind, name, place)
);
CREATE INDEX queue_slot_run ON queue_slot (run);

CREATE TABLE queue_worker (
  name text PRIMARY KEY,
  seats int NOT NULL,
  since timestamptz NOT NULL,
  seen timestamptz NOT NULL,
  lease_until timestamptz NOT NULL
);

CREATE TABLE queue_supervision (one boolean PRIMARY KEY DEFAULT true CHECK (one), last_pass timestamptz NOT NULL);

CREATE TABLE queue_capacity (label text PRIMARY KEY, places int NOT NULL CHECK (places >= 0));

CREATE TABLE queue_budget (name text PRIMARY KEY, free_at float8 NOT NULL);
`,
  },
  {
    id: "queue-0002",
    sql: `
ALTER TABLE queue_run ADD COLUMN author text;

CREATE FUNCTION queue_run_words(job text, repo text, ref text, commit text, author text, details jsonb)
  RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(${wordsOf(`
    left(job, 500) || ' ' || left(coalesce(repo, ''), 500) || ' ' || left(coalesce(ref, ''), 500) || ' ' ||
    left(coalesce(commit, ''), 100) || ' ' || left(coalesce(author, ''), 500) || ' ' || left(coalesce(details ->> 'summary', ''), 500)
  `)})
$$;
CREATE FUNCTION queue_search(searched text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT string_agg('''' || word || ''':*', ' & ')::tsquery FROM unnest(${wordsOf("searched")}) AS word
$$;

CREATE INDEX queue_run_words ON queue_run USING gin (queue_run_words(job, repo, ref, commit, author, details));
CREATE INDEX queue_run_type ON queue_run (type, id);
CREATE INDEX queue_run_author ON queue_run (author, id) WHERE author IS NOT NULL;
CREATE INDEX queue_run_machine ON queue_run (split_part(worker, ':', 1), id) WHERE worker IS NOT NULL;
`,
  },
  {
    id: "queue-0003",
    sql: `
ALTER TABLE queue_run ADD COLUMN progress jsonb;

CREATE TABLE queue_attempt (
  run bigint NOT NULL,
  attempt int NOT NULL,
  worker text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  ending text CHECK (ending IN ('SUCCESS', 'FAILURE', 'ABORTED', 'ERROR', 'handed-over', 'died')),
  PRIMARY KEY (run, attempt),
  CHECK ((ended_at IS NULL) = (ending IS NULL))
);
INSERT INTO queue_attempt (run, attempt, worker, started_at)
  SELECT id, attempt, worker, started_at FROM queue_run WHERE state = 'running';

DROP INDEX queue_run_result;
CREATE INDEX queue_run_result ON queue_run (result, id) WHERE result IS NOT NULL;
CREATE INDEX queue_run_job_result ON queue_run (job, result, id) WHERE result IS NOT NULL;
DROP INDEX queue_run_repo;
CREATE INDEX queue_run_repo ON queue_run (repo, id) WHERE repo IS NOT NULL;
CREATE INDEX queue_run_pull ON queue_run (pull, repo, id) WHERE pull IS NOT NULL;
CREATE INDEX queue_run_length ON queue_run ((ended_at - started_at), id) WHERE state = 'ended' AND started_at IS NOT NULL;
`,
  },
  {
    id: "queue-0004",
    // Kept with the run: a search that finds much looks at the newest ones, and would make the words of each.
    sql: `
DROP INDEX queue_run_words;
ALTER TABLE queue_run ADD COLUMN words tsvector
  GENERATED ALWAYS AS (queue_run_words(job, repo, ref, commit, author, details)) STORED;
CREATE INDEX queue_run_words ON queue_run USING gin (words);
`,
  },
];
