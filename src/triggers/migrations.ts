import type { Migration } from "../database/index.ts";

/** The tables of triggers: what was last seen of the outside, so that whatever differs from it is new. */
export const triggersMigrations: readonly Migration[] = [
  {
    id: "triggers-0001",
    sql: `
CREATE TABLE remote (
  repository text NOT NULL,
  what text NOT NULL CHECK (what IN ('refs', 'pulls')),
  url text NOT NULL,
  known boolean NOT NULL DEFAULT false,
  listing text,
  due_at timestamptz NOT NULL,
  looked_at timestamptz,
  told_at timestamptz,
  hinted boolean NOT NULL DEFAULT false,
  claim bigint NOT NULL DEFAULT 0,
  claimed_until timestamptz,
  failures integer NOT NULL DEFAULT 0,
  failure jsonb,
  unread_since timestamptz,
  unwanted_since timestamptz,
  PRIMARY KEY (repository, what)
);
CREATE INDEX remote_due ON remote (due_at) WHERE unwanted_since IS NULL;

CREATE TABLE remote_ref (
  repository text NOT NULL,
  ref text NOT NULL,
  object text NOT NULL,
  commit text NOT NULL,
  seen_at timestamptz NOT NULL,
  gone_at timestamptz,
  moved_from text,
  PRIMARY KEY (repository, ref)
);

CREATE TABLE pull_head (
  repository text NOT NULL,
  number integer NOT NULL,
  head text NOT NULL,
  base text NOT NULL,
  updated_at text NOT NULL,
  updated_seen_at timestamptz NOT NULL,
  heeded_at timestamptz,
  declined text,
  is_old boolean NOT NULL DEFAULT false,
  approvals text,
  PRIMARY KEY (repository, number)
);

CREATE TABLE job_clock (
  job text PRIMARY KEY,
  schedule text NOT NULL,
  slot timestamptz NOT NULL,
  asked_at timestamptz,
  run_id bigint,
  CONSTRAINT job_clock_began CHECK ((asked_at IS NULL) = (run_id IS NULL))
);

CREATE TABLE ended_run (
  id bigint PRIMARY KEY,
  job text NOT NULL,
  repo text,
  ref text,
  commit text,
  shadow boolean NOT NULL,
  ended_at timestamptz NOT NULL
);
`,
  },
  {
    id: "triggers-0002",
    sql: `
CREATE TABLE remote_hook (
  repository text PRIMARY KEY,
  url text NOT NULL,
  due_at timestamptz NOT NULL,
  mark text,
  trouble text,
  hint text,
  trouble_since timestamptz
);
`,
  },
  {
    // What is kept of pull requests is read with the next list of them, which no forge is to call unchanged.
    id: "triggers-0003",
    sql: "UPDATE remote SET listing = NULL WHERE what = 'pulls'",
  },
  {
    id: "triggers-0004",
    sql: `
ALTER TABLE remote_hook ADD COLUMN looked_at timestamptz;
ALTER TABLE remote_hook ADD COLUMN failed integer NOT NULL DEFAULT 0;
ALTER TABLE remote_hook ADD COLUMN failed_at timestamptz;
`,
  },
];
