import { harmless } from "../errors/index.ts";

/** A text of a file as it may stand in a message: {@link harmless}, and no more than 200 characters of it. */
export function printable(text: string, longest = 200): string {
  return harmless(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

/** {@link printable} in quotes. */
export function quoted(text: string): string {
  return `"${printable(text)}"`;
}

/** What addresses, types and names are made of as a rule: nothing of it ends a part of a sentence. */
const plainWord = /^[\w.:/@%+~#?=&$!*-]+$/;

/**
 * A word from outside as a part of a sentence: {@link printable}, and in quotes where it has anything in it that could be taken for
 * the rest of the sentence, such as `, signed by the key release`.
 */
export function outsideWord(text: string): string {
  const shown = printable(text);
  return plainWord.test(text) ? shown : `"${shown.replaceAll('"', "'")}"`;
}

/** The first of many words, and how many more there are: `a and 3 more`. */
export function firstOf(words: readonly string[], most = 1): string {
  const more = words.length > most ? ` and ${words.length - most} more` : "";
  return `${words.slice(0, most).join(", ")}${more}`;
}

/** Words as a part of a sentence: `a, b and c`. */
export function listed(words: readonly string[], last = "and"): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}
