import type { Migration } from "../database/index.ts";

/**
 * The tables of notifications.
 * - `notification_end` has runs that have ended, until it is decided what is told of them.
 * - `notification_health` has how each job stands with each rule.
 * - `notification_held` has runs that wait for a person and were told.
 * - `notification` is what is to be sent, and was.
 * - `notification_receiver` has receivers that do not want any more.
 */
export const notificationsMigrations: readonly Migration[] = [
  {
    id: "notifications-0001",
    sql: `
CREATE TABLE notification_end (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  content jsonb NOT NULL
);
CREATE TABLE notification_health (
  rule text NOT NULL,
  job text NOT NULL,
  health jsonb NOT NULL,
  wishes jsonb NOT NULL,
  PRIMARY KEY (rule, job)
);
CREATE INDEX notification_health_told ON notification_health (rule, job) WHERE health ->> 'at' = 'told';
CREATE TABLE notification_held (
  run bigint NOT NULL,
  rule text NOT NULL,
  PRIMARY KEY (run, rule)
);
CREATE TABLE notification (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  receiver text NOT NULL,
  telling text NOT NULL,
  cause text NOT NULL,
  jobs jsonb NOT NULL,
  made_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
  attempts int NOT NULL DEFAULT 0,
  claimed_until timestamptz,
  ended_at timestamptz,
  failure text
);
CREATE INDEX notification_due ON notification (due_at, number) WHERE state = 'waiting';
CREATE INDEX notification_group ON notification (receiver, telling, cause, number DESC);
CREATE TABLE notification_receiver (
  receiver text PRIMARY KEY,
  address text NOT NULL,
  off_since timestamptz NOT NULL,
  reason text NOT NULL
);
`,
  },
  {
    id: "notifications-0002",
    sql: "CREATE INDEX notification_jobs ON notification USING gin (jobs jsonb_path_ops);",
  },
];
