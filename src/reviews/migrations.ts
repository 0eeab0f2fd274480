import type { Migration, Sql } from "../database/index.ts";

/** Told, with the number of the pull request here, when something of one or of its reviews has changed. */
export const reviewChannel = "waybill_review";

/**
 * The tables of pull requests and of what was found of them.
 * - `review_pull` has pull requests as they were last seen; those that are merged or closed stay for a while.
 * - `review_judged` has reviews, the last ones of each pull request and job.
 * - `review_line` and `review_finding` have what a review lists, a row each: nothing of it is ever read as a whole.
 */
export const reviewsMigrations: readonly Migration[] = [
  {
    id: "reviews-0001",
    sql: `
CREATE TABLE review_pull (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  repository text NOT NULL,
  number int NOT NULL,
  url text NOT NULL,
  page text NOT NULL,
  title text NOT NULL,
  author text NOT NULL,
  head text NOT NULL,
  base text NOT NULL,
  labels jsonb NOT NULL,
  draft boolean NOT NULL,
  conflicts boolean,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'merged', 'closed', 'gone')),
  merge_commit text,
  jobs jsonb,
  trusted boolean NOT NULL DEFAULT true,
  seen_at timestamptz NOT NULL,
  held_since timestamptz,
  changed_at timestamptz NOT NULL,
  ended_at timestamptz,
  UNIQUE (repository, number)
);
CREATE INDEX review_pull_open ON review_pull (repository, id) WHERE state = 'open';
CREATE INDEX review_pull_ended ON review_pull (ended_at, id) WHERE state <> 'open';
CREATE TABLE review_judged (
  run text PRIMARY KEY,
  job text NOT NULL,
  repository text NOT NULL,
  number int NOT NULL,
  commit text NOT NULL,
  edges_hash text NOT NULL,
  verdict text NOT NULL,
  summary jsonb NOT NULL,
  approvals jsonb,
  at timestamptz NOT NULL
);
CREATE INDEX review_judged_pull ON review_judged (repository, number, at);
CREATE TABLE review_line (
  run text NOT NULL REFERENCES review_judged ON DELETE CASCADE,
  number int NOT NULL,
  kind text NOT NULL,
  project text NOT NULL,
  said text NOT NULL,
  line jsonb NOT NULL,
  PRIMARY KEY (run, number)
);
CREATE TABLE review_finding (
  run text NOT NULL REFERENCES review_judged ON DELETE CASCADE,
  number int NOT NULL,
  severity text NOT NULL,
  code text NOT NULL,
  finding jsonb NOT NULL,
  PRIMARY KEY (run, number)
);
`,
  },
  {
    id: "reviews-0002",
    sql: `
CREATE INDEX review_pull_merged ON review_pull (repository, ended_at DESC, id DESC) WHERE state = 'merged';
CREATE INDEX review_pull_merge_commit ON review_pull (merge_commit, repository) WHERE state = 'merged';
CREATE INDEX review_line_digest ON review_line (run, (line ->> 'digest'));
`,
  },
];

/** Forgets pull requests that were merged or closed before a time, with what was found of them. */
export async function forgetReviews(sql: Sql, before: Date): Promise<void> {
  await sql.query(
    `WITH forgotten AS (
       DELETE FROM review_pull WHERE state <> 'open' AND ended_at < $1 RETURNING repository, number
     ) DELETE FROM review_judged AS judged USING forgotten
       WHERE judged.repository = forgotten.repository AND judged.number = forgotten.number`,
    [before],
  );
}
