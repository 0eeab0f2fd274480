/**
 * Everything that a cell of a matrix may say, the worst first: a cell of several tags, and a row of several cells, say the worst that
 * one of them is. What is as asked has no cell: nobody lists it.
 */
export const cellStates = [
  { state: "failed", letter: "f", isProblem: true, words: "failed" },
  { state: "unread", letter: "u", isProblem: true, words: "could not be read" },
  { state: "conflict", letter: "x", isProblem: true, words: "other digest" },
  { state: "overlap", letter: "o", isProblem: true, words: "the tag is claimed twice" },
  { state: "lost", letter: "l", isProblem: true, words: "in neither production nor staging" },
  { state: "corrupt", letter: "k", isProblem: true, words: "not what its digest says" },
  { state: "incomplete", letter: "i", isProblem: true, words: "a part of it is missing" },
  { state: "missing", letter: "m", isProblem: true, words: "not there" },
  { state: "unlisted-referrer", letter: "n", isProblem: true, words: "missing from a list of referrers" },
  { state: "refused", letter: "r", isProblem: true, words: "refused by a policy" },
  { state: "withheld", letter: "w", isProblem: true, words: "not in the plan that was approved" },
  { state: "copying", letter: "c", isProblem: false, words: "being copied" },
  { state: "pending", letter: "p", isProblem: false, words: "waiting" },
  { state: "done", letter: "d", isProblem: false, words: "done" },
] as const satisfies readonly { state: string; letter: string; isProblem: boolean; words: string }[];

/** What a cell says: one of {@link cellStates}. */
export type CellState = (typeof cellStates)[number]["state"];

/** Of a cell in which nothing is listed: it is as asked, or is not asked for. */
export const noLetter = ".";

const rows = new Map(cellStates.map((row, rank) => [row.state, { ...row, rank }]));
const byLetter: ReadonlyMap<string, CellState> = new Map(
  cellStates.map(({ letter, state }) => [letter, state]),
);
/** Of a row in which nothing is listed. */
const noRank = cellStates.length;

/** The letter of a state in the cells of a row. */
export function letterOf(state: CellState | undefined): string {
  return state === undefined ? noLetter : (rows.get(state)?.letter ?? noLetter);
}

/** The state that a letter stands for; `undefined` where nothing is listed. */
export function stateOfLetter(letter: string | undefined): CellState | undefined {
  return letter === undefined ? undefined : byLetter.get(letter);
}

/** How bad a state is: 0 is the worst. */
export function rankOf(state: CellState | undefined): number {
  return state === undefined ? noRank : (rows.get(state)?.rank ?? noRank);
}

/** Whether production is not as asked there, and will not be after the run. */
export function isProblemState(state: CellState): boolean {
  return rows.get(state)?.isProblem === true;
}

/** A bit for each of these states, as rows have one for each that they contain. */
export function bitsOf(states: Iterable<CellState | undefined>): number {
  let bits = 0;
  for (const state of states) if (state !== undefined) bits |= 1 << rankOf(state);
  return bits;
}

/** The worse of two. */
export function worseOf(one: CellState | undefined, other: CellState | undefined): CellState | undefined {
  return rankOf(one) <= rankOf(other) ? one : other;
}
