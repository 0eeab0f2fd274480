import { distance } from "fastest-levenshtein";

/** Nobody has so many fields, ids or keys, unless to be a burden. */
const mostLookedAt = 1000;

/** The known word that a text is likely to be meant for: case apart, at most two letters off, three of long ones. */
export function nearest(text: string, known: Iterable<string>): string | undefined {
  let best: { word: string; off: number } | undefined;
  const meant = text.slice(0, 60).toLowerCase();
  let looked = 0;
  for (const word of known) {
    looked += 1;
    if (looked > mostLookedAt) break;
    const off = distance(meant, word.slice(0, 60).toLowerCase());
    const most = word.length > 12 ? 3 : Math.min(2, word.length - 1);
    if (off <= most && (best === undefined || off < best.off)) best = { word, off };
  }
  return best?.word;
}
