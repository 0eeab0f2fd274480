/** A sentence, and what of it is the same wherever it is said. */
export interface Phrase {
  readonly text: string;
  /** The sentence with `…` for each thing that it names. */
  readonly pattern: string;
}

/**
 * A sentence that names things, as a tagged template: what stands between the braces is named, all else is the same
 * wherever the sentence is said. A phrase in it is part of the sentence, and names what it names itself.
 */
export function phrase(
  words: readonly string[],
  ...named: readonly (string | number | bigint | Phrase | undefined)[]
): Phrase {
  const [first = "", ...rest] = words;
  let text = first;
  let pattern = first;
  for (const [at, word] of rest.entries()) {
    const thing = named[at];
    const isPart = typeof thing === "object";
    text += `${isPart ? thing.text : thing}${word}`;
    pattern += `${isPart ? thing.pattern : "…"}${word}`;
  }
  return { text, pattern };
}

/** A sentence that names nothing is the same wherever it is said. */
export function phraseOf(said: string | Phrase): Phrase {
  return typeof said === "string" ? { text: said, pattern: said } : said;
}
