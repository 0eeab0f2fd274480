import type { Migration } from "../database/index.ts";

/**
 * The tables of commands in comments.
 * - `chatops_comment` has a row for each comment with commands that was seen: it acts once.
 * - `chatops_approval` has who has said which word of a pull request, and of which commit.
 */
export const chatopsMigrations: readonly Migration[] = [
  {
    id: "chatops-0001",
    sql: `
CREATE TABLE chatops_comment (
  repository text NOT NULL,
  pull int NOT NULL,
  comment text NOT NULL,
  author text NOT NULL,
  said_at timestamptz NOT NULL,
  claimed_at timestamptz NOT NULL,
  outcomes jsonb,
  answered boolean NOT NULL DEFAULT false,
  PRIMARY KEY (repository, pull, comment)
);
CREATE TABLE chatops_approval (
  repository text NOT NULL,
  pull int NOT NULL,
  word text NOT NULL CHECK (word IN ('lgtm', 'approve')),
  person text NOT NULL,
  commit text NOT NULL,
  given_at timestamptz NOT NULL,
  PRIMARY KEY (repository, pull, word, person)
);
`,
  },
];
