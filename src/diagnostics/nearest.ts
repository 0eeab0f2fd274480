import { distance } from "fastest-levenshtein";

/** Nobody has so many keys, ids or names, unless to be a burden. */
const maxCompared = 1000;
const maxLength = 100;

/**
 * The known word that a text is likely to be meant for: case apart, two letters off at most, or a quarter of a longer
 * word, but never another word altogether.
 */
export function nearest(text: string, known: Iterable<string>): string | undefined {
  let best: { word: string; off: number } | undefined;
  const meant = text.slice(0, maxLength).toLowerCase();
  let compared = 0;
  for (const word of known) {
    compared += 1;
    if (compared > maxCompared) break;
    const off = distance(meant, word.slice(0, maxLength).toLowerCase());
    const allowed = Math.min(Math.max(2, Math.floor(word.length / 4)), word.length - 1);
    if (off <= allowed && (best === undefined || off < best.off)) best = { word, off };
  }
  return best?.word;
}

/** `did you mean WORD?` with the known word that is likely to be meant, if there is one. */
export function didYouMean(text: string, known: Iterable<string>): string | undefined {
  const word = nearest(text, known);
  return word === undefined ? undefined : `did you mean ${word}?`;
}
