import type { Migration } from "../database/index.ts";

/** A matrix is a head and a row for each image, with a letter for each mirror: a million edges of 22 mirrors are 45,000 rows. */
const matrices = `
CREATE TABLE promotion_matrix (
  run bigint PRIMARY KEY REFERENCES run_record ON DELETE CASCADE,
  attempt integer NOT NULL,
  is_whole boolean NOT NULL,
  head json NOT NULL
);
CREATE TABLE promotion_row (
  run bigint NOT NULL REFERENCES promotion_matrix ON DELETE CASCADE,
  at integer NOT NULL,
  project text NOT NULL,
  words text NOT NULL,
  digest text NOT NULL,
  cells text NOT NULL,
  states integer NOT NULL,
  worst smallint NOT NULL,
  content json NOT NULL,
  PRIMARY KEY (run, at)
);
CREATE INDEX promotion_row_worst ON promotion_row (run, worst, at);
CREATE INDEX promotion_row_digest ON promotion_row (digest, run DESC);
`;

/** What the tables of this room are made by: they stand on those of records. */
export const matrixMigrations: readonly Migration[] = [{ id: "matrix-0001", sql: matrices }];
