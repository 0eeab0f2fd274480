import type { Migration } from "../database/index.ts";

/** The table of deliveries. What is still to be processed has an index of its own, which stays small. */
export const deliveriesMigrations: readonly Migration[] = [
  {
    id: "deliveries-0001",
    sql: `
CREATE TABLE delivery (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL,
  id text NOT NULL,
  sender text NOT NULL,
  event text NOT NULL,
  content jsonb NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('waiting', 'done', 'failed')),
  arrivals int NOT NULL DEFAULT 1,
  attempts int NOT NULL DEFAULT 0,
  failure text,
  received_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  UNIQUE (source, id)
);
CREATE INDEX delivery_waiting ON delivery (due_at, number) WHERE outcome = 'waiting';
CREATE INDEX delivery_ended ON delivery (received_at) WHERE outcome <> 'waiting';
`,
  },
  {
    id: "deliveries-0002",
    sql: "CREATE INDEX delivery_repositories ON delivery USING gin ((content -> 'repositoryUrls'));",
  },
  {
    id: "deliveries-0003",
    sql: "CREATE INDEX delivery_failed ON delivery (number) WHERE outcome = 'failed'",
  },
];
