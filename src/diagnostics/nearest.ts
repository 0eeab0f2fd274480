import { distance } from "fastest-levenshtein";
import { listed } from "./shown.ts";

/** Nobody has so many keys, ids or names, unless to be a burden. */
const maxCompared = 1000;
const maxLength = 100;

/**
 * The known word that a text is likely to be meant for: case apart, two letters off at most, or a quarter of a longer
 * word, of a short one a letter or two that have changed places, but never another word altogether.
 */
export function nearest(text: string, known: Iterable<string>): string | undefined {
  let best: { word: string; off: number } | undefined;
  const meant = text.slice(0, maxLength).toLowerCase();
  let compared = 0;
  for (const word of known) {
    compared += 1;
    if (compared > maxCompared) break;
    const off = distance(meant, word.slice(0, maxLength).toLowerCase());
    const isShort = word.length <= short && !hasSameLetters(meant, word.toLowerCase());
    const allowed = Math.min(Math.max(isShort ? 1 : 2, Math.floor(word.length / 4)), word.length - 1);
    if (off <= allowed && (best === undefined || off < best.off)) best = { word, off };
  }
  return best?.word;
}

/** Letters of a word of which two others make another word. */
const short = 4;

function hasSameLetters(one: string, other: string): boolean {
  return [...one].sort().join("") === [...other].sort().join("");
}

/** `did you mean WORD?` with the known word that is likely to be meant, if there is one. */
export function didYouMean(text: string, known: Iterable<string>): string | undefined {
  const word = nearest(text, known);
  return word === undefined ? undefined : `did you mean ${word}?`;
}

const shown = 3;

/**
 * The names somebody may have meant, the likeliest first and no more than three: those that contain the text or are
 * contained in it, and those that a few slips of the finger turn into it.
 */
export function likeliest(text: string, names: Iterable<string>): string[] {
  const wanted = text.toLowerCase();
  const scored = [...new Set(names)].flatMap((name) => {
    const other = name.toLowerCase();
    const slips = distance(wanted, other);
    const related = wanted !== "" && (other.includes(wanted) || wanted.includes(other));
    return related || slips <= Math.max(2, Math.floor(wanted.length / 4)) ? [{ name, slips }] : [];
  });
  const best = scored.reduce((least, { slips }) => Math.min(least, slips), Number.POSITIVE_INFINITY);
  return scored
    .filter(({ slips }) => slips <= 2 * Math.max(1, best))
    .sort((a, b) => a.slips - b.slips || (a.name < b.name ? -1 : 1))
    .slice(0, shown)
    .map(({ name }) => name);
}

/** `did you mean a, b or c?`, or `undefined` when there is nothing to suggest. */
export function didYouMeanOneOf(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `did you mean ${listed(names, "or")}?`;
}
