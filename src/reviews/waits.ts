import type { PullHold } from "./holds.ts";
import type { KeptPull, KeptReview, PullWait } from "./model.ts";

/** What is known of a pull request. */
export interface PullFacts {
  readonly pull: KeptPull;
  /** The newest of each job. */
  readonly reviews: readonly KeptReview[];
  readonly hold: PullHold | undefined;
  /** Runs that wait or go on for it. */
  readonly runs: readonly { readonly id: string; readonly job: string; readonly since: Date }[];
}

/** Names that are shown of those who may do something. */
const mostNames = 6;

/** What an open pull request waits for before it can be merged, as far as it is known here; for what ended, nothing. */
export function waitsOf(facts: PullFacts): readonly PullWait[] {
  const { pull, hold, reviews } = facts;
  if (pull.state !== "open") return [];
  const current = reviews.filter(({ commit }) => commit === pull.head);
  return [
    ...reviewWaits(facts, current),
    ...current.flatMap(findingWaits),
    ...current.flatMap(approvalWaits),
    ...(hold === undefined ? [] : [holdWait(hold)]),
    ...(pull.conflicts === true
      ? [
          {
            for: "conflicts" as const,
            text: `a rebase: it conflicts with what was merged into ${pull.base}`,
            since: undefined,
          },
        ]
      : []),
  ];
}

function reviewWaits({ pull, runs }: PullFacts, current: readonly KeptReview[]): PullWait[] {
  if (!pull.trusted && current.length === 0) {
    const text = `/ok-to-test by somebody who belongs to the repository: ${pull.author} is not known there`;
    return [{ for: "trust", text, since: pull.changedAt }];
  }
  const wanted = pull.jobs ?? [];
  const missing = wanted.filter((name) => !current.some(({ job }) => job === name));
  const [run] = runs.filter(({ job }) => wanted.length === 0 || wanted.includes(job));
  if (missing.length === 0 && (current.length > 0 || pull.jobs !== undefined)) return [];
  const text =
    run !== undefined
      ? `its review, which ${run.job} makes now`
      : pull.jobs === undefined && current.length === 0
        ? "a first review: it was there before anybody looked"
        : `a review of its newest commit${missing.length === 0 ? "" : ` by ${missing.join(", ")}`}`;
  return [{ for: "review", text, since: run?.since ?? pull.changedAt, run: run?.id }];
}

function findingWaits({ verdict, summary, job, at, run }: KeptReview): PullWait[] {
  if (verdict !== "fails") return [];
  const what = summary.fails === 1 ? "one finding" : `${summary.fails} findings`;
  return [{ for: "findings", text: `${what} of ${job} to be mended`, since: at, run }];
}

/** Files that the same people may approve are one thing that is missing. */
function approvalWaits({ approvals, summary, at, run }: KeptReview): PullWait[] {
  const uncovered = approvals?.uncovered ?? [];
  const files = new Map(
    summary.projects.flatMap(({ files }) => files.map(({ file, owners }) => [file, owners] as const)),
  );
  const groups = new Map<string, string[]>();
  for (const file of uncovered) {
    const names = files.get(file)?.approvers ?? [];
    const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
    const who =
      names.length === 0
        ? "somebody: no OWNERS file says who"
        : `${names.length === 1 ? "" : "one of "}${names
            .slice(0, mostNames)
            .map((name) => `@${name}`)
            .join(", ")}${more}`;
    groups.set(who, [...(groups.get(who) ?? []), file]);
  }
  return Array.from(groups, ([who, [file = "", ...others]]) => ({
    for: "approval" as const,
    text: `the approval of ${who}, for ${file}${others.length === 0 ? "" : ` and ${others.length} more`}`,
    since: at,
    run,
  }));
}

function holdWait({ by, who, why, since }: PullHold): PullWait {
  const whose = who === undefined ? "" : ` of ${who}`;
  if (by === "draft" && who === undefined) return { for: "draft", text: "its author: it is a draft", since };
  return {
    for: "hold",
    text: `the end of the hold${whose}${why === undefined ? "" : `: ${why}`}`,
    since,
  };
}
