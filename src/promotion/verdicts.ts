/**
 * - `settled`: nothing is to be done, and nothing is wrong.
 * - `work`: it is done when the plan is applied. A dry run counts it as desired.
 * - `problem`: production is not as asked, and will not be after this plan. With `--strict` nothing is done then, and
 *   the exit code is that of a result that is not as desired.
 */
export type Effect = "settled" | "work" | "problem";

/**
 * Everything that a plan can say of an edge, whatever it is about: what it comes to, what it means, and how reports and
 * reviews count it.
 */
export const verdictTable = [
  {
    verdict: "present",
    effect: "settled",
    meaning: "production is as asked",
    reported: "already there",
    reviewed: "there already",
  },
  {
    verdict: "copy",
    effect: "work",
    meaning: "the image is copied, and its tag is put",
    reviewed: "to copy",
  },
  {
    verdict: "tag",
    effect: "work",
    meaning: "the image is there; only the tag is put, or a list of referrers",
    reviewed: "to tag",
  },
  {
    verdict: "attach",
    effect: "work",
    meaning: "what accompanies the image is attached to it",
    reviewed: "to attach",
  },
  {
    verdict: "sign",
    effect: "work",
    meaning: "a signature, a promotion record or a verification summary is made and attached",
    reviewed: "to sign",
  },
  {
    verdict: "conflict",
    effect: "problem",
    meaning: "the tag stands at another digest in production. Tags never move",
    reported: "in conflict",
    reviewed: "in conflict",
  },
  {
    verdict: "lost",
    effect: "problem",
    meaning: "the image is in neither production nor staging",
    reported: "lost",
    reviewed: "lost",
  },
  {
    verdict: "overlap",
    effect: "problem",
    meaning: "the manifests ask for one tag with two digests",
    reported: "claimed twice",
    reviewed: "claimed twice",
  },
  {
    verdict: "unread",
    effect: "problem",
    meaning: "a registry could not be read: nothing is known, so nothing is done",
    reported: "unread",
    reviewed: "not known",
  },
  {
    verdict: "refused",
    effect: "problem",
    meaning: "a policy stands against it",
    reported: "refused by a policy",
    reviewed: "refused by a policy",
  },
  {
    verdict: "withheld",
    effect: "problem",
    meaning: "it could be done, but the saved plan that is applied does not hold it",
    reported: "withheld",
    reviewed: "withheld",
  },
] as const satisfies readonly {
  verdict: string;
  effect: Effect;
  meaning: string;
  /** Of what is no work alone: work is done, pending or failed by the time of a report. */
  reported?: string;
  reviewed: string;
}[];

/** What is to become of an edge: one of {@link verdictTable}. */
export type Verdict = (typeof verdictTable)[number]["verdict"];

/** A verdict that stands for work to do. */
export type WorkVerdict = Extract<(typeof verdictTable)[number], { effect: "work" }>["verdict"];

/** Every reason for a verdict, with the one verdict that it is a reason for. */
export const reasonTable = [
  { reason: "tag-at-digest", verdict: "present" },
  { reason: "digest-present", verdict: "present" },
  { reason: "digest-absent", verdict: "copy" },
  { reason: "tag-absent", verdict: "tag" },
  { reason: "referrer-unlisted", verdict: "tag" },
  { reason: "attachment-absent", verdict: "attach" },
  { reason: "signature-absent", verdict: "sign" },
  { reason: "record-absent", verdict: "sign" },
  { reason: "summary-absent", verdict: "sign" },
  { reason: "tag-at-other-digest", verdict: "conflict" },
  { reason: "not-in-staging", verdict: "lost" },
  { reason: "claimed-twice", verdict: "overlap" },
  { reason: "destination-unread", verdict: "unread" },
  { reason: "source-unread", verdict: "unread" },
  { reason: "signer-failed", verdict: "unread" },
  { reason: "policy-missing", verdict: "refused" },
  { reason: "policy-failed", verdict: "refused" },
  { reason: "policy-unreadable", verdict: "unread" },
  { reason: "not-in-saved-plan", verdict: "withheld" },
] as const satisfies readonly { reason: string; verdict: Verdict }[];

/** Why an edge has its verdict: one of {@link reasonTable}. */
export type Reason = (typeof reasonTable)[number]["reason"];

/**
 * What became of an edge, for the report: `done`, `failed`, `pending` (not begun), or the verdict for which nothing was
 * to be done.
 */
export type EdgeState = "done" | "failed" | "pending" | Exclude<Verdict, WorkVerdict>;

const effects: ReadonlyMap<Verdict, Effect> = new Map(
  verdictTable.map(({ verdict, effect }) => [verdict, effect]),
);

/** Whether a verdict stands for work to do. */
export function isWork(verdict: Verdict): verdict is WorkVerdict {
  return effects.get(verdict) === "work";
}

/** Whether a verdict says that production is not as asked and will not be after the plan. */
export function isProblem(verdict: Verdict): boolean {
  return effects.get(verdict) === "problem";
}

/** Nothing yet of every verdict, to be counted up, in the order of the table. */
export function noVerdicts(): Record<Verdict, number> {
  return countersOf(verdictTable.map(({ verdict }) => verdict));
}

/** Nothing yet of every state, to be counted up, in the order in which reports have them. */
export function noStates(): Record<EdgeState, number> {
  return countersOf([
    "done",
    "failed",
    "pending",
    ...verdictTable.flatMap(({ verdict }) => (isWork(verdict) ? [] : [verdict])),
  ]);
}

/** How a report counts what was no work, in words, by verdict. */
export const reportedWords = Object.fromEntries(
  verdictTable.flatMap((row) => ("reported" in row ? [[row.verdict, row.reported]] : [])),
) as Readonly<Record<Exclude<Verdict, WorkVerdict>, string>>;

/** What a review says that would become of edges, in words, by verdict. */
export const reviewedWords = Object.fromEntries(
  verdictTable.map(({ verdict, reviewed }) => [verdict, reviewed]),
) as Readonly<Record<Verdict, string>>;

function countersOf<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

/** What kept anybody from knowing, before the words of the failure itself. */
export function unreadWords(reason: Reason | undefined): string {
  switch (reason) {
    case "signer-failed":
      return "nothing can be signed, nor what is signed be known: ";
    case "policy-unreadable":
      return "what vouches for the image could not be read: ";
    case "source-unread":
      return "staging could not be read: ";
    default:
      return "production could not be read: ";
  }
}
