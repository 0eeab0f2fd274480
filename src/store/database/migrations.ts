import type { Migration } from "../../database/index.ts";

/**
 * Documents are `json`, not `jsonb`: they are written to objects as they were made, with their fields in that order. Chunks of a log are
 * addressed by the offset of their first byte.
 */
const records = `
CREATE TABLE run_record (
  id bigint PRIMARY KEY,
  job text NOT NULL,
  place text NOT NULL,
  attempt integer NOT NULL,
  is_queued boolean NOT NULL,
  result text NOT NULL DEFAULT 'PENDING',
  started json NOT NULL,
  prow_job json NOT NULL,
  finished json,
  began_at timestamptz NOT NULL,
  ended_at timestamptz,
  seen_at timestamptz NOT NULL,
  log_bytes bigint NOT NULL DEFAULT 0,
  event_bytes bigint NOT NULL DEFAULT 0,
  kept_log_bytes bigint NOT NULL DEFAULT 0,
  kept_event_bytes bigint NOT NULL DEFAULT 0,
  artifact_bytes bigint NOT NULL DEFAULT 0,
  is_spooled boolean NOT NULL DEFAULT true,
  is_kept boolean NOT NULL DEFAULT false
);
CREATE INDEX run_record_job ON run_record (job, id DESC);
CREATE INDEX run_record_result ON run_record (result, id DESC);
CREATE INDEX run_record_job_result ON run_record (job, result, id DESC);
CREATE INDEX run_record_unkept ON run_record (id) WHERE result <> 'PENDING' AND NOT is_kept;
CREATE TABLE run_chunk (
  run bigint NOT NULL,
  stream smallint NOT NULL,
  at bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (run, stream, at)
);
`;

/** Of what was written before, nobody knows when. */
const times = `
ALTER TABLE run_chunk ADD COLUMN written_at timestamptz;
ALTER TABLE run_chunk ALTER COLUMN written_at SET DEFAULT clock_timestamp();
`;

/** What the tables of this room are made by. */
export const storeMigrations: readonly Migration[] = [
  { id: "store-0001", sql: records },
  { id: "store-0002", sql: times },
];
