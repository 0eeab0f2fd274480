/**
 * Text of a manifest as it may stand in a message: control and format characters, which could disguise the message or
 * steer a terminal, are escaped, and no more than 200 characters are shown.
 */
export function printable(text: string, longest = 200): string {
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return shown.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped);
}

/** The same of a path, or a place in a file (`file:line:column`), of which nothing is left out that a system allows. */
export function printablePath(path: string): string {
  return printable(path, 8192);
}

function escaped(character: string): string {
  const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return names[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
