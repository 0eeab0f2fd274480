import type { Sql } from "../database/index.ts";
import type { KeptFinding, KeptLine, KeptPull, KeptReview } from "./model.ts";

interface JudgedRow {
  readonly repository: string;
  readonly number: number;
  readonly run: string;
  readonly job: string;
  readonly commit: string;
  readonly edges_hash: string;
  readonly verdict: KeptReview["verdict"];
  readonly summary: KeptReview["summary"];
  readonly approvals: KeptReview["approvals"] | null;
  readonly at: Date;
}

/** The newest review of each job, of each of the pull requests, by the ids of these; the jobs in the order of their names. */
export async function newestReviews(
  sql: Sql,
  pulls: readonly Pick<KeptPull, "id" | "repository" | "number">[],
): Promise<ReadonlyMap<string, readonly KeptReview[]>> {
  const rows = await sql.query<JudgedRow>(
    `SELECT DISTINCT ON (judged.repository, judged.number, judged.job) judged.*
     FROM unnest($1::text[], $2::int[]) AS wanted (repository, number)
     JOIN review_judged AS judged ON judged.repository = wanted.repository AND judged.number = wanted.number
     ORDER BY judged.repository, judged.number, judged.job, judged.at DESC, judged.run DESC`,
    [pulls.map(({ repository }) => repository), pulls.map(({ number }) => number)],
  );
  return new Map(
    pulls.map(({ id, repository, number }) => [
      id,
      rows.filter((row) => row.repository === repository && row.number === number).map(reviewOf),
    ]),
  );
}

function reviewOf({ run, job, commit, edges_hash, verdict, summary, approvals, at }: JudgedRow): KeptReview {
  return { run, job, commit, edgesHash: edges_hash, verdict, summary, approvals: approvals ?? undefined, at };
}

/** Which lines, or findings, of a review are read. */
export interface LineQuery {
  readonly kind?: string | undefined;
  readonly project?: string | undefined;
  readonly code?: string | undefined;
  readonly severity?: string | undefined;
  /** The number of the last one that was seen. */
  readonly after?: number | undefined;
  readonly limit: number;
}

/** Lines of a review, in its order. */
export async function linesOf(
  sql: Sql,
  run: string,
  { kind, project, after, limit }: LineQuery,
): Promise<readonly KeptLine[]> {
  const rows = await sql.query<{ readonly line: KeptLine }>(
    `SELECT line FROM review_line WHERE run = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR project = $3)
       AND ($4::int IS NULL OR number > $4) ORDER BY number LIMIT $5`,
    [run, kind, project, after, limit],
  );
  return rows.map(({ line }) => line);
}

/** The lines of some reviews that ask for some digests, with the run of each. */
export async function linesOfDigests(
  sql: Sql,
  runs: readonly string[],
  digests: readonly string[],
): Promise<readonly (KeptLine & { readonly run: string })[]> {
  const rows = await sql.query<{ readonly run: string; readonly line: KeptLine }>(
    `SELECT run, line FROM review_line WHERE run = ANY($1::text[]) AND line ->> 'digest' = ANY($2::text[])
       AND kind <> 'removed' ORDER BY run, number`,
    [runs, [...new Set(digests)]],
  );
  return rows.map(({ run, line }) => ({ ...line, run }));
}

/** Findings of a review, what fails before what is mentioned. */
export async function findingsOf(
  sql: Sql,
  run: string,
  { code, severity, after, limit }: LineQuery,
): Promise<readonly KeptFinding[]> {
  const rows = await sql.query<{ readonly finding: KeptFinding }>(
    `SELECT finding FROM review_finding WHERE run = $1 AND ($2::text IS NULL OR code = $2)
       AND ($3::text IS NULL OR severity = $3) AND ($4::int IS NULL OR number > $4) ORDER BY number LIMIT $5`,
    [run, code, severity, after, limit],
  );
  return rows.map(({ finding }) => finding);
}

/** What one review of a pull request asks for, and another one does not. */
export interface ReviewDifference {
  /** How many lines the second has that the first has not, and the other way round; the first of each. */
  readonly more: number;
  readonly fewer: number;
  readonly lines: readonly { readonly sign: "+" | "-"; readonly line: KeptLine }[];
}

/** What is otherwise between two states of a pull request, by their hashes; `undefined` where the first is not kept any more. */
export async function differenceBetween(
  sql: Sql,
  { repository, number }: Pick<KeptPull, "repository" | "number">,
  shown: string,
  run: string,
  limit: number,
): Promise<ReviewDifference | undefined> {
  const [before] = await sql.query<{ readonly run: string }>(
    `SELECT run FROM review_judged WHERE repository = $1 AND number = $2 AND edges_hash = $3 ORDER BY at DESC LIMIT 1`,
    [repository, number, shown],
  );
  if (before === undefined) return undefined;
  const only = (one: string, other: string) =>
    sql.query<{ readonly line: KeptLine; readonly all: number }>(
      `SELECT line, (count(*) OVER ())::int AS all FROM review_line AS own WHERE run = $1
         AND NOT EXISTS (SELECT FROM review_line AS other WHERE other.run = $2 AND other.said = own.said)
       ORDER BY number LIMIT $3`,
      [one, other, limit],
    );
  const [more, fewer] = [await only(run, before.run), await only(before.run, run)];
  return {
    ...{ more: more[0]?.all ?? 0, fewer: fewer[0]?.all ?? 0 },
    lines: [
      ...fewer.map(({ line }) => ({ sign: "-" as const, line })),
      ...more.map(({ line }) => ({ sign: "+" as const, line })),
    ].slice(0, limit),
  };
}

/** Findings that have one cause, as far as their kind and the way out tell. */
export interface FindingCause {
  readonly severity: KeptFinding["severity"];
  readonly code: KeptFinding["code"];
  readonly hint: string | undefined;
  readonly count: number;
  /** The first few of them. */
  readonly first: readonly KeptFinding[];
}

/** Causes that are told of one review, and findings of each. */
const most = { causes: 50, first: 5 };

/** The findings of a review by their causes, in the order of the first of each. */
export async function causesOf(sql: Sql, run: string): Promise<readonly FindingCause[]> {
  const rows = await sql.query<{ readonly count: number; readonly first: readonly KeptFinding[] }>(
    `SELECT count(*)::int AS count, jsonb_agg(finding ORDER BY number) FILTER (WHERE turn <= ${most.first}) AS first FROM (
       SELECT number, finding, severity, code, finding ->> 'hint' AS hint,
         row_number() OVER (PARTITION BY severity, code, finding ->> 'hint' ORDER BY number) AS turn
       FROM review_finding WHERE run = $1
     ) AS found GROUP BY severity, code, hint ORDER BY min(number) LIMIT ${most.causes}`,
    [run],
  );
  return rows.flatMap(({ count, first }) => {
    const [one] = first;
    return one === undefined
      ? []
      : [{ severity: one.severity, code: one.code, hint: one.hint, count, first }];
  });
}
