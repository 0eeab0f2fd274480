import type { Sql } from "../database/index.ts";
import {
  type CellState,
  type MatrixRow,
  mirrorsOfRuns,
  readMatrixRows,
  readRowsOfDigests,
  repositoryOfCell,
  runsThatShare,
  stateOfLetter,
} from "../matrix/index.ts";
import type { KeptPull, KeptReview } from "./model.ts";
import { mergedPulls } from "./pulls.ts";
import { linesOfDigests, newestReviews } from "./read.ts";

/** A run that promotes. */
export interface PromotedRun {
  readonly id: string;
  /** The URL of the repository that its manifests are in. */
  readonly repo: string | undefined;
  /** The commit that it was carried out at. */
  readonly commit: string | undefined;
  readonly endedAt: Date | undefined;
}

type Mirrors = readonly { readonly name: string }[];

/** A merged pull request and the newest review of it by one job, as far as it may have approved what a run does. */
export interface MergedReview {
  readonly pull: KeptPull;
  /** `undefined` where none is kept. */
  readonly review: KeptReview | undefined;
  /** Its merge has made the commit of the run. Otherwise it is known by its images alone. */
  readonly isAtCommit: boolean;
  /** It is at the commit, or its plan has an image that the run's plan has. */
  readonly isConcerned: boolean;
  /** The mirrors of its plan; `undefined` where that is not kept. */
  readonly mirrors: Mirrors | undefined;
  /** Who has approved it; of one that is not approved, nobody. */
  readonly by: readonly string[];
  /** Why it is no approval. */
  readonly whyNot: string | undefined;
}

/** A run beside what was approved of its repository. */
export interface ApprovalComparison {
  readonly run: PromotedRun;
  readonly mirrors: Mirrors;
  /** Those at the commit first, then the ones that were merged last. */
  readonly reviews: readonly MergedReview[];
}

/** What a run does or an approved review has shown: one tag of an image, at the mirrors where it is the same. */
export interface ComparedWork {
  /**
   * - `approved`: the run does it, and a review that was approved has shown it.
   * - `unapproved`: the run does it, and no such review has.
   * - `left`: such a review has shown that it is to be done, and the run does not do it.
   */
  readonly found: "approved" | "unapproved" | "left";
  readonly project: string;
  readonly name: string;
  readonly digest: string;
  readonly tag: string | null;
  /** In the run; `undefined` where the run lists nothing of it: it is as asked, or is not asked for any more. */
  readonly state: CellState | undefined;
  readonly mirrors: readonly string[];
  /** What has shown it. */
  readonly by: MergedReview | undefined;
}

/** Where a comparison is read from on: in which plan, from which row, without the first few of this row. */
export interface PlaceInComparison {
  readonly run: string;
  readonly at: number;
  readonly taken: number;
}

/** Merged pull requests that are looked through, beside those at the commit. */
const mostPulls = 100;
/** Rows that are read at once, and for one answer: of a large plan an answer may have nothing yet and go on. */
const most = { atOnce: 100, rows: 500 };
/** What a run does: it is done, under way, or was tried. */
const work: readonly CellState[] = ["failed", "copying", "pending", "done"];

/** What was approved of the repository of a run. Nothing that was reviewed after the run had ended is an approval of it. */
export async function comparisonOf(sql: Sql, run: PromotedRun): Promise<ApprovalComparison> {
  const { id, repo, commit, endedAt } = run;
  const pulls = repo === undefined ? [] : await mergedPulls(sql, repo, commit, mostPulls);
  const newest = await newestReviews(sql, pulls);
  const found = pulls.flatMap((pull): readonly Pick<MergedReview, "pull" | "review">[] => {
    const reviews = newest.get(pull.id) ?? [];
    return reviews.length === 0 ? [{ pull, review: undefined }] : reviews.map((review) => ({ pull, review }));
  });
  const runs = found.flatMap(({ review }) => (review === undefined ? [] : [review.run]));
  const [mirrors, sharing] = await Promise.all([
    mirrorsOfRuns(sql, [id, ...runs]),
    runsThatShare(sql, id, runs),
  ]);
  const reviews = found.map(({ pull, review }): MergedReview => {
    const isAtCommit = commit !== undefined && pull.mergeCommit === commit;
    const whyNot = whyNoApproval(pull, review, endedAt);
    return {
      ...{ pull, review, isAtCommit, whyNot },
      isConcerned: isAtCommit || (review !== undefined && sharing.has(review.run)),
      mirrors: review && mirrors.get(review.run),
      by: whyNot === undefined ? [...new Set(review?.approvals?.standing.map(({ user }) => user))] : [],
    };
  });
  return { run, mirrors: mirrors.get(id) ?? [], reviews };
}

function whyNoApproval(
  { head }: KeptPull,
  review: KeptReview | undefined,
  endedAt: Date | undefined,
): string | undefined {
  if (review === undefined) return "no review of it is kept here";
  const { commit, approvals, at } = review;
  if (commit !== head) return "its newest commit was not reviewed here";
  if (endedAt !== undefined && at > endedAt) return "it was reviewed after the run had ended";
  if (approvals === undefined) return "its review asks nobody to approve it";
  const [first, ...others] = approvals.uncovered;
  if (first !== undefined) {
    return `nobody has approved ${first}${others.length === 0 ? "" : ` and ${others.length} more`}`;
  }
  return approvals.standing.length === 0 ? "nobody has approved it" : undefined;
}

/**
 * Compares what a run does with what was approved.
 * @param of `run`: what the run does; `left`: what approved reviews that concern the run have shown, and it does not do.
 * @param isWanted Which of it is listed.
 * @returns So many, and where it goes on: an answer may have fewer, and still go on.
 */
export async function readCompared(
  sql: Sql,
  comparison: ApprovalComparison,
  of: "run" | "left",
  {
    limit,
    after,
    isWanted = () => true,
  }: {
    readonly limit: number;
    readonly after?: PlaceInComparison | undefined;
    readonly isWanted?: (work: ComparedWork) => boolean;
  },
): Promise<{
  readonly items: readonly ComparedWork[];
  readonly rows: number;
  readonly next: PlaceInComparison | undefined;
}> {
  const items: ComparedWork[] = [];
  let rows = 0;
  const sources = sourcesOf(comparison, of);
  const begin = after === undefined ? 0 : sources.findIndex(({ run }) => run === after.run);
  for (const { run, states, workOf } of begin === -1 ? [] : sources.slice(begin)) {
    let from = after?.run === run ? after.at : 0;
    for (;;) {
      if (rows >= most.rows) return { items, rows, next: { run, at: from, taken: 0 } };
      const start = { limit: most.atOnce, after: { worst: 0, at: from - 1 } };
      const some = await readMatrixRows(sql, run, { states, order: "image" }, start);
      const compared = await workOf(sql, some);
      for (const [index, row] of some.entries()) {
        const skipped = after?.run === run && after.at === row.at ? after.taken : 0;
        const wanted = (compared[index] ?? []).filter(isWanted);
        for (const [number, item] of wanted.entries()) {
          if (number < skipped) continue;
          if (items.length === limit) return { items, rows, next: { run, at: row.at, taken: number } };
          items.push(item);
        }
        rows += 1;
        from = row.at + 1;
      }
      if (some.length < most.atOnce) break;
    }
  }
  return { items, rows, next: undefined };
}

/** How many edges there are of each, as far as so many rows tell as are read for one answer. */
export async function sumCompared(sql: Sql, comparison: ApprovalComparison) {
  const edges = { approved: 0, unapproved: 0, left: 0 };
  const seen = new Set<MergedReview>(comparison.reviews.filter(({ isConcerned }) => isConcerned));
  let isWhole = true;
  for (const of of ["run", "left"] as const) {
    const { items, next } = await readCompared(sql, comparison, of, { limit: Number.MAX_SAFE_INTEGER });
    for (const { found, mirrors, by } of items) {
      edges[found] += mirrors.length;
      if (by !== undefined) seen.add(by);
    }
    isWhole &&= next === undefined;
  }
  return { edges, isWhole, reviews: comparison.reviews.filter((review) => seen.has(review)) };
}

/** A plan whose rows are compared with those of others. */
interface Source {
  readonly run: string;
  readonly states: readonly CellState[];
  /** What is found of each of some rows. */
  workOf(sql: Sql, rows: readonly MatrixRow[]): Promise<readonly (readonly ComparedWork[])[]>;
}

function sourcesOf({ run, mirrors, reviews }: ApprovalComparison, of: "run" | "left"): readonly Source[] {
  const approved = reviews.filter(({ whyNot }) => whyNot === undefined);
  if (of === "run") {
    const workOf: Source["workOf"] = async (sql, rows) => {
      const shown = await shownBy(sql, approved, rows);
      return rows.map((row) => {
        const done = edgesOfRow(row, mirrors).filter(({ state }) => work.includes(state));
        return grouped(
          done.map((edge) => {
            const by = shown.get(edge.key);
            return { edge, by, state: edge.state, found: by === undefined ? "unapproved" : "approved" };
          }),
        );
      });
    };
    return [{ run: run.id, states: work, workOf }];
  }
  return approved.flatMap((by): readonly Source[] => {
    const shownAt = by.mirrors;
    if (by.review === undefined || shownAt === undefined || !by.isConcerned) return [];
    const workOf: Source["workOf"] = async (sql, rows) => {
      const own = await readRowsOfDigests(sql, [run.id], digestsOf(rows));
      const states = new Map(
        own.flatMap((row) => edgesOfRow(row, mirrors).map(({ key, state }) => [key, state] as const)),
      );
      return rows.map((row) => {
        const asked = edgesOfRow(row, shownAt).filter(({ state }) => state === "pending");
        return grouped(
          asked.flatMap((edge) => {
            const state = states.get(edge.key);
            return state !== undefined && work.includes(state)
              ? []
              : [{ edge, by, state, found: "left" as const }];
          }),
        );
      });
    };
    return [{ run: by.review.run, states: ["pending"], workOf }];
  });
}

/** By the key of an edge, the first of approved reviews that has shown it: in its plan, or as a line of the change. */
async function shownBy(
  sql: Sql,
  reviews: readonly MergedReview[],
  rows: readonly MatrixRow[],
): Promise<ReadonlyMap<string, MergedReview>> {
  const runs = reviews.flatMap(({ review }) => (review === undefined ? [] : [review.run]));
  if (runs.length === 0 || rows.length === 0) return new Map();
  const digests = digestsOf(rows);
  const [planned, lines] = await Promise.all([
    readRowsOfDigests(sql, runs, digests),
    linesOfDigests(sql, runs, digests),
  ]);
  const keys = new Map<string, string[]>(runs.map((run) => [run, []]));
  const mirrors = new Map(reviews.map((review) => [review.review?.run, review.mirrors ?? []]));
  for (const row of planned) {
    for (const { key } of edgesOfRow(row, mirrors.get(row.run) ?? [])) keys.get(row.run)?.push(key);
  }
  for (const { run, source, digest, tag, image, destinations } of lines) {
    for (const name of destinations) {
      // Of a repository whose name ends with the image's, that is left out.
      for (const repository of [`${name}/${image}`, name]) {
        keys.get(run)?.push(keyOf({ source, digest, tag, repository }));
      }
    }
  }
  const shown = new Map<string, MergedReview>();
  for (const review of reviews) {
    for (const key of keys.get(review.review?.run ?? "") ?? []) {
      if (!shown.has(key)) shown.set(key, review);
    }
  }
  return shown;
}

/** An edge of a plan. */
interface PlannedCell {
  readonly key: string;
  readonly row: MatrixRow;
  readonly tag: string | null;
  readonly mirror: string;
  readonly state: CellState;
}

function edgesOfRow(row: MatrixRow, mirrors: Mirrors): readonly PlannedCell[] {
  const { source = "", digest } = row;
  return row.entries.flatMap(({ tag, cells }) =>
    [...cells].flatMap((letter, mirror) => {
      const state = stateOfLetter(letter);
      if (state === undefined) return [];
      const key = keyOf({ source, digest, tag, repository: repositoryOfCell(row, mirrors, mirror) });
      return [{ key, row, tag, mirror: mirrors[mirror]?.name ?? "", state }];
    }),
  );
}

function keyOf({
  source,
  digest,
  tag,
  repository,
}: {
  readonly source: string;
  readonly digest: string;
  readonly tag: string | null;
  readonly repository: string;
}): string {
  return `${source} ${digest} ${tag ?? ""} ${repository}`;
}

function digestsOf(rows: readonly MatrixRow[]): readonly string[] {
  return rows.map(({ digest }) => digest);
}

/** Edges of a row that differ by their mirror alone are one. */
function grouped(
  edges: readonly (Pick<ComparedWork, "found" | "state" | "by"> & { readonly edge: PlannedCell })[],
): readonly ComparedWork[] {
  const groups = new Map<string, ComparedWork & { readonly mirrors: string[] }>();
  for (const { found, state, by, edge } of edges) {
    const { project, name, digest } = edge.row;
    const key = `${edge.tag ?? ""} ${found} ${state ?? ""} ${by?.review?.run ?? ""}`;
    const known = groups.get(key) ?? {
      ...{ found, project, name, digest, tag: edge.tag, state, by, mirrors: [] },
    };
    groups.set(key, known);
    known.mirrors.push(edge.mirror);
  }
  return [...groups.values()];
}
