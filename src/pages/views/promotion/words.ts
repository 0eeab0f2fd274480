import { type CellState, cellStates } from "../../../matrix/index.ts";
import type { PromotionDocument } from "../../../server/index.ts";

/** A sign for each state: who sees no colors sees what it is. */
export const signs: Readonly<Record<CellState, string>> = {
  failed: "✕",
  unread: "?",
  conflict: "≠",
  overlap: "2",
  lost: "∅",
  corrupt: "!",
  incomplete: "◐",
  missing: "–",
  "unlisted-referrer": "‥",
  refused: "⊘",
  withheld: "‖",
  copying: "↑",
  pending: "·",
  done: "✓",
};

const words = new Map<string, string>(cellStates.map(({ state, words }) => [state, words]));

/** A state in words, as it is to be understood of a run. */
export function inWords(
  state: CellState,
  { isDry, isWhole, isCutOff }: Pick<PromotionDocument, "isDry" | "isWhole" | "isCutOff">,
): string {
  if (isCutOff && state === "pending") return "not known to be done";
  if (isCutOff && state === "copying") return "cut off";
  if (state === "pending" && isDry) return "to do";
  if (state === "pending" && isWhole) return "not begun";
  return words.get(state) ?? state;
}

/** How many edges of a promotion are listed. */
export function listed({ counts }: Pick<PromotionDocument, "counts">): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** What tells mirrors apart in their names: parts between dots, dashes, colons and slashes that all begin or end with are left out. */
export function shortNames(names: readonly string[]): readonly string[] {
  if (names.length <= 1) return names;
  const after = shared(names.map((name) => [...name].reverse().join("")));
  const ended = names.map((name) => name.slice(0, name.length - after));
  const before = shared(ended);
  // A number alone tells nobody anything.
  const isPlain = ended.every((name) => name.length - before >= 4);
  return ended.map((name) => (isPlain ? name.slice(before) : name).replace(/^[-./:]+|[-./:]+$/g, ""));
}

/** How much all of these begin with, in whole parts. */
function shared(names: readonly string[]): number {
  const [first = ""] = names;
  let end = 0;
  while (end < first.length && names.every((other) => other[end] === first[end])) end += 1;
  while (end > 0 && !/[-./:]/.test(first[end - 1] ?? "")) end -= 1;
  return end;
}
