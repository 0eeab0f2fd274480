const longest = 200;

/**
 * Text of a manifest as it may stand in a message: control and format characters, which could disguise the message or
 * steer a terminal, are escaped, and no more than 200 characters are shown.
 */
export function printable(text: string): string {
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return shown.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(character: string): string {
  const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return names[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
