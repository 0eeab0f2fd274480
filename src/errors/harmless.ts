/**
 * A text from outside as it may be printed: control and format characters, which could disguise what is said or steer a
 * terminal, are written as escapes. It has one line.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(character: string): string {
  const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return names[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** Words as a line that a POSIX shell takes apart into the same words. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}
