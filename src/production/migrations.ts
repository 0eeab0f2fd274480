import type { Migration } from "../database/index.ts";

/** The healths that are counted by themselves, as columns; what is `there` is the rest. */
const counters =
  "missing int NOT NULL, elsewhere int NOT NULL, damaged int NOT NULL, contested int NOT NULL, unread int NOT NULL, failed int NOT NULL";

/**
 * The tables of what production was found to hold.
 * - `production_tree` has a row for each tree of manifests that jobs look at, and its last look.
 * - `production_image` has a row for each image that a tree asks for: one for all its mirrors. What is not as asked is in `off`, and
 *   stands for these mirrors alone; `NULL` is that all are as asked. `place` is the order of a list.
 *   `sought` is what it is found by, in small letters; `healths` has a bit for each of `badHealths`, of which unread is the last.
 * - `production_cell` counts the edges of a project at a mirror, so that nobody counts them to show them.
 * - `production_project` has marks of what was found: where they are the same again, nothing of the project is read or written.
 * - `production_cause` has why something failed once, however many edges failed for it.
 * - `production_sample` and `host_sample` have an hour and a day in a row. `production_counted` has the attempts that are in them.
 */
export const productionMigrations: readonly Migration[] = [
  {
    id: "production-0001",
    sql: `
CREATE TABLE production_tree (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  repo text NOT NULL,
  ref text NOT NULL,
  path text NOT NULL,
  commit text,
  run_id text,
  job text,
  looked_at timestamptz,
  deep_at timestamptz,
  manifest_errors int NOT NULL DEFAULT 0,
  cut_off_at timestamptz,
  cut_off_run text,
  UNIQUE (repo, ref, path)
);
CREATE TABLE production_mirror (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE
);
CREATE TABLE production_cause (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tree int NOT NULL REFERENCES production_tree ON DELETE CASCADE,
  key text NOT NULL,
  code text,
  host text,
  message text NOT NULL,
  hint text,
  UNIQUE (tree, key)
);
CREATE TABLE production_project (
  tree int NOT NULL REFERENCES production_tree ON DELETE CASCADE,
  project text NOT NULL,
  images int NOT NULL,
  edges int NOT NULL,
  asked_mark text NOT NULL,
  deep_mark text NOT NULL,
  looked_at timestamptz NOT NULL,
  run_id text NOT NULL,
  job text NOT NULL,
  unreadable_since timestamptz,
  PRIMARY KEY (tree, project)
);
CREATE TABLE production_cell (
  tree int NOT NULL,
  project text NOT NULL,
  mirror int NOT NULL REFERENCES production_mirror,
  registry text NOT NULL,
  edges int NOT NULL,
  ${counters},
  off_since timestamptz,
  unread_since timestamptz,
  PRIMARY KEY (tree, project, mirror),
  FOREIGN KEY (tree, project) REFERENCES production_project ON DELETE CASCADE
);
CREATE TABLE production_image (
  tree int NOT NULL,
  project text NOT NULL,
  place text COLLATE "C" NOT NULL,
  name text NOT NULL,
  digest text NOT NULL,
  source text NOT NULL,
  at text NOT NULL,
  tags jsonb NOT NULL,
  mirrors jsonb NOT NULL,
  mark text NOT NULL,
  off jsonb,
  off_mirrors jsonb,
  healths int NOT NULL DEFAULT 0,
  since timestamptz,
  PRIMARY KEY (tree, project, place),
  FOREIGN KEY (tree, project) REFERENCES production_project ON DELETE CASCADE
);
CREATE INDEX production_image_digest ON production_image (digest);
CREATE INDEX production_image_name ON production_image (name);
CREATE INDEX production_image_off ON production_image (since DESC, place, tree, project) WHERE off IS NOT NULL;
CREATE TABLE production_sample (
  tree int NOT NULL REFERENCES production_tree ON DELETE CASCADE,
  grain text NOT NULL CHECK (grain IN ('hour', 'day')),
  at timestamptz NOT NULL,
  looks int NOT NULL DEFAULT 0,
  edges int NOT NULL DEFAULT 0,
  ${counters.replaceAll("NOT NULL", "NOT NULL DEFAULT 0")},
  promoted_images int NOT NULL DEFAULT 0,
  promoted_edges int NOT NULL DEFAULT 0,
  PRIMARY KEY (tree, grain, at)
);
CREATE TABLE host_sample (
  host text NOT NULL,
  grain text NOT NULL CHECK (grain IN ('hour', 'day')),
  at timestamptz NOT NULL,
  runs int NOT NULL,
  requests bigint NOT NULL,
  refused bigint NOT NULL,
  faults bigint NOT NULL,
  waited bigint NOT NULL,
  bytes_read bigint NOT NULL,
  bytes_sent bigint NOT NULL,
  PRIMARY KEY (host, grain, at)
);
CREATE INDEX host_sample_at ON host_sample (grain, at);
CREATE TABLE production_counted (
  what text NOT NULL,
  run_id text NOT NULL,
  attempt int NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (what, run_id, attempt)
);
CREATE INDEX production_counted_at ON production_counted (at);
`,
  },
  {
    // What was found before is found again by the next look.
    id: "production-0002",
    sql: `
DELETE FROM production_project;
UPDATE production_tree SET looked_at = NULL, deep_at = NULL;
ALTER TABLE production_image DROP mirrors, DROP off_mirrors,
  ADD mirrors int[] NOT NULL, ADD off_mirrors int[], ADD sought text NOT NULL;
CREATE INDEX production_image_known ON production_image (since DESC, place, tree, project) WHERE healths & 31 <> 0;
`,
  },
];
