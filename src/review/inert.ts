import { printable } from "../diagnostics/index.ts";

/** Words of letters, small numbers, days and commas: nothing that means anything to a renderer or a code host. */
const plainWord = /^\(?(?:[A-Za-z]+(?:'[a-z]+)?|\d{1,6}(?:\.\d)?|\d{4}-\d\d-\d\d)\)?[,;:]?$|^,$/;

/**
 * Text from outside as code in Markdown: nothing in it is a link, a mention, a reference, HTML, or a mark, in a table or
 * anywhere else, and nothing ends the line. Code is the one place where code hosts look for none of these. Backticks,
 * bars and characters that cannot be seen are written as their numbers; at most 200 characters are shown.
 */
export function code(text: string): string {
  const shown = printable(text)
    .replace(/[`|]/g, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
    .replace(/[^\S ]/g, " ")
    .trim();
  return shown === "" ? "(empty)" : `\`${shown}\``;
}

/**
 * A sentence that names things from outside: words of letters stay, and all others become {@link code}, those that stand
 * together in one piece.
 * @param longest characters of the sentence that are shown.
 */
export function sentence(text: string, longest = 1000): string {
  const shown = text.length > longest ? `${text.slice(0, longest)} …` : text;
  const pieces: { isPlain: boolean; words: string[] }[] = [];
  for (const word of shown.split(/\s+/).filter((part) => part !== "")) {
    const isPlain = plainWord.test(word);
    const last = pieces.at(-1);
    if (last?.isPlain === isPlain) last.words.push(word);
    else pieces.push({ isPlain, words: [word] });
  }
  return pieces
    .map(({ isPlain, words }) => (isPlain ? words.join(" ") : words.map(wordAsCode).join(" ")))
    .join(" ");
}

/** Our own punctuation stays outside. */
function wordAsCode(word: string): string {
  const [, before = "", inner = word, after = ""] = /^(\(?)(.*?)(\)?[,;:]?)$/s.exec(word) ?? [];
  return inner === "" ? code(word) : `${before}${code(inner)}${after}`;
}
