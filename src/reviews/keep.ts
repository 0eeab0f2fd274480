import { type Database, jsonText, type Sql } from "../database/index.ts";
import { placeOf } from "../diagnostics/index.ts";
import { repositoryKey } from "../jobs/index.ts";
import { factsInWords, type Review, type ReviewedLine, type ReviewFinding } from "../review/index.ts";
import { reviewChannel } from "./migrations.ts";
import type { KeptApprovals, KeptFinding, KeptLine, KeptProject, ReviewSummary } from "./model.ts";

/** A review of a pull request, to be kept. */
export interface ReviewToKeep {
  readonly run: string;
  readonly job: string;
  /** The URL of the repository, in any form. */
  readonly url: string;
  readonly number: number;
  readonly commit: string;
  readonly review: Review;
  readonly approvals: KeptApprovals | undefined;
  readonly at: Date;
}

/** What is kept of one review: nobody reads more than that. */
const most = { lines: 100_000, findings: 10_000, projects: 2_000, files: 200, owners: 50 };
/** Reviews that are kept of a pull request and a job. */
const mostOfJob = 10;
/** Rows that are written at a time. */
const atOnce = 500;

/**
 * Keeps what a review has found, in place of what was kept of the same run before; of older ones the last few stay.
 * @param fence Throws in a transaction in which the attempt may not write any more.
 * @throws {DatabaseError}
 */
export async function keepReview(
  db: Pick<Database, "transaction">,
  judged: ReviewToKeep,
  fence?: ((sql: Sql) => Promise<void>) | undefined,
): Promise<void> {
  const { run, job, url, number, commit, review, approvals, at } = judged;
  const repository = repositoryKey(url);
  const lines = review.projects.flatMap(({ project, lines }) =>
    lines.map((line) => [project, line] as const),
  );
  await db.transaction(async (sql) => {
    await fence?.(sql);
    await sql.query("DELETE FROM review_judged WHERE run = $1", [run]);
    await sql.query(
      `INSERT INTO review_judged (run, job, repository, number, commit, edges_hash, verdict, summary, approvals, at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb, $10)`,
      [
        ...[run, job, repository, number, commit, review.edgesHash, review.verdict],
        ...[jsonText(summaryOf(review, lines.length)), approvals && jsonText(approvals), at],
      ],
    );
    await putLines(sql, run, lines.slice(0, most.lines));
    await putFindings(sql, run, review.findings.slice(0, most.findings));
    await sql.query(
      `DELETE FROM review_judged WHERE run IN (
         SELECT run FROM review_judged WHERE repository = $1 AND number = $2 AND job = $3 ORDER BY at DESC, run DESC OFFSET ${mostOfJob}
       )`,
      [repository, number, job],
    );
    await sql.query(
      `SELECT pg_notify('${reviewChannel}', id::text) FROM review_pull WHERE repository = $1 AND number = $2`,
      [repository, number],
    );
  });
}

async function putLines(
  sql: Sql,
  run: string,
  lines: readonly (readonly [project: string, line: ReviewedLine])[],
): Promise<void> {
  for (let from = 0; from < lines.length; from += atOnce) {
    const rows = lines.slice(from, from + atOnce).map(([project, line], index) => {
      const kept = keptLine(from + index + 1, project, line);
      return { ...kept, said: saidBy(kept), kept };
    });
    await sql.query(
      `INSERT INTO review_line (run, number, kind, project, said, line)
       SELECT $1, number, kind, project, said, kept FROM jsonb_to_recordset($2::jsonb)
         AS row (number int, kind text, project text, said text, kept jsonb)`,
      [run, jsonText(rows)],
    );
  }
}

async function putFindings(sql: Sql, run: string, findings: readonly ReviewFinding[]): Promise<void> {
  for (let from = 0; from < findings.length; from += atOnce) {
    const rows = findings.slice(from, from + atOnce).map((finding, index) => {
      const kept = keptFinding(from + index + 1, finding);
      return { ...kept, kept };
    });
    await sql.query(
      `INSERT INTO review_finding (run, number, severity, code, finding)
       SELECT $1, number, severity, code, kept FROM jsonb_to_recordset($2::jsonb)
         AS row (number int, severity text, code text, kept jsonb)`,
      [run, jsonText(rows)],
    );
  }
}

/** What a line asks for, wherever it stands: what is the same of two reviews is the same for whoever approves it. */
function saidBy({ kind, image, tag, digest, before, source, destinations }: KeptLine): string {
  return [kind, image, tag ?? "-", digest, before ?? "-", source, ...destinations].join(" ");
}

function keptLine(number: number, project: string, line: ReviewedLine): KeptLine {
  const { kind, image, tag, digest, before, at, source, destinations, verdicts } = line;
  const { what, since, attached } = factsInWords(line);
  const words = what.map((part) => (typeof part === "string" ? part : part.commit)).join(" ");
  return {
    ...{ number, project, kind, image, tag, digest, source, verdicts, since, attached },
    ...{ before: before?.digest, file: at.file, line: at.line, what: words.replaceAll(" ,", ",") },
    destinations: destinations.map((name) =>
      name.endsWith(`/${image}`) ? name.slice(0, -image.length - 1) : name,
    ),
  };
}

function keptFinding(number: number, finding: ReviewFinding): KeptFinding {
  const { severity, code, message, hint, gone = false, isOld = false, destinations = [] } = finding;
  const { file, line } = placeOf(finding);
  return {
    ...{ number, severity, code, message, hint, file, line, gone, isOld },
    destinations: destinations.slice(0, most.owners),
  };
}

function summaryOf(review: Review, lines: number): ReviewSummary {
  const { offline, allowRemovals, edges, outside, path, base, plan, findings, projects } = review;
  const fails = findings.filter(({ severity }) => severity === "fails").length;
  return {
    ...{ offline, allowRemovals, edges, outside, path, base: base.commit, planHash: plan?.hash, lines },
    ...{ fails, mentions: findings.length - fails },
    ...{ passedOver: review.passedOver.length, rewritten: review.rewritten.length },
    projects: projects.slice(0, most.projects).map(keptProject),
    isCut:
      lines > most.lines ||
      findings.length > most.findings ||
      projects.length > most.projects ||
      projects.some(({ files }) => files.length > most.files),
  };
}

function keptProject(project: Review["projects"][number]): KeptProject {
  const { files, lines, newDestinations, removedDestinations } = project;
  const count = (wanted: ReviewedLine["kind"]): number => lines.filter(({ kind }) => kind === wanted).length;
  return {
    project: project.project,
    files: files.slice(0, most.files).map(({ file, owners }) => ({
      file,
      owners: owners && {
        approvers: owners.approvers.slice(0, most.owners),
        reviewers: owners.reviewers.slice(0, most.owners),
      },
    })),
    ...{ added: count("added"), removed: count("removed"), moved: count("moved"), removedDestinations },
    newDestinations: newDestinations.map(({ name, edges, mayPush }) => ({ name, edges, mayPush })),
  };
}
