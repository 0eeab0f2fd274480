import type { Migration } from "../database/index.ts";

/**
 * The tables of what became of images. An image goes by the repository that it was pushed to first, its staging repository; where nobody
 * knows of one, by where it is.
 * - `history_run` has a row for each ended run that may have done something to images. A row with a time at which it is `due` has not
 *   been told yet: its record is still to be read.
 * - `history_event` has what happened to a digest, once: `key` is what makes it the same when it is told again.
 * - `history_pull` has what was judged last of a pull request, for all the lines that it proposes.
 * - `history_mirror` says of production repositories what image is in them.
 * - `history_tree` has the commit of manifests of which it is known what they ask for.
 * - `history_contents` has what a digest is made of, which never changes.
 */
export const historyMigrations: readonly Migration[] = [
  {
    id: "history-0001",
    sql: `
CREATE TABLE history_run (
  run bigint PRIMARY KEY,
  job text NOT NULL,
  kind text NOT NULL,
  repo text,
  commit text COLLATE "C",
  pull int,
  ended_at timestamptz NOT NULL,
  due timestamptz,
  tries int NOT NULL DEFAULT 0,
  why text
);
CREATE INDEX history_run_due ON history_run (due) WHERE due IS NOT NULL;
CREATE INDEX history_run_commit ON history_run (commit, run) WHERE commit IS NOT NULL;

CREATE TABLE history_image (
  name text COLLATE "C" PRIMARY KEY,
  project text COLLATE "C",
  last_at timestamptz NOT NULL
);
CREATE INDEX history_image_project ON history_image (project, name);
CREATE INDEX history_image_last ON history_image (last_at DESC, name);

CREATE TABLE history_mirror (
  name text COLLATE "C" NOT NULL,
  image text COLLATE "C" NOT NULL,
  PRIMARY KEY (name, image)
);
CREATE INDEX history_mirror_image ON history_mirror (image, name);

CREATE TABLE history_tag (
  image text COLLATE "C" NOT NULL,
  tag text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  run bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (image, tag, digest)
);
CREATE INDEX history_tag_tag ON history_tag (tag, image);
CREATE INDEX history_tag_digest ON history_tag (digest);

CREATE TABLE history_event (
  image text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  key text COLLATE "C" NOT NULL,
  run bigint NOT NULL,
  at timestamptz NOT NULL,
  last_run bigint NOT NULL,
  last_at timestamptz NOT NULL,
  details jsonb NOT NULL,
  PRIMARY KEY (image, digest, kind, key)
);
CREATE INDEX history_event_digest ON history_event (digest, image);
CREATE INDEX history_event_run ON history_event (run);
CREATE INDEX history_event_pull ON history_event (key) WHERE kind IN ('proposed', 'reviewed');
CREATE INDEX history_event_last ON history_event (last_at);

CREATE TABLE history_pull (
  url text COLLATE "C" PRIMARY KEY,
  number int NOT NULL,
  repo text,
  title text,
  author text,
  commit text,
  edges_hash text,
  verdict text,
  approvals jsonb NOT NULL DEFAULT '[]',
  uncovered jsonb NOT NULL DEFAULT '[]',
  run bigint NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX history_pull_number ON history_pull (number, url);

CREATE TABLE history_contents (
  image text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  bytes bigint NOT NULL,
  document jsonb NOT NULL,
  read_at timestamptz NOT NULL,
  PRIMARY KEY (image, digest)
);

INSERT INTO history_run (run, job, kind, repo, commit, pull, ended_at, due)
  SELECT id, job, kind, repo, coalesce(details ->> 'revision', commit), pull, ended_at, now() FROM queue_run
  WHERE state = 'ended' AND attempt > 0 AND kind IN ('build', 'propose', 'review', 'promote', 'verify');
`,
  },
  {
    id: "history-0002",
    sql: `
CREATE TABLE history_tree (
  repo text NOT NULL,
  ref text NOT NULL,
  path text NOT NULL,
  commit text NOT NULL,
  PRIMARY KEY (repo, ref, path)
);
`,
  },
];
