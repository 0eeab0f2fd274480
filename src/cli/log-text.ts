import { harmless } from "../errors/index.ts";

/** Longest beginning of a color's sequence that may be at the end of a piece. */
const maxSequenceLength = 32;

/**
 * A log as it may be printed on a terminal: lines and colors stay, everything else that would steer it is written as an
 * escape. A carriage return begins a new line, as progress bars become lines.
 */
export async function* logForPeople(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let kept = "";
  for await (const piece of pieces) {
    const text = kept + decoder.decode(piece, { stream: true });
    const sequence = text.lastIndexOf("\u001b");
    const isCut = sequence >= 0 && sequence >= text.length - maxSequenceLength;
    const end = isCut ? sequence : text.endsWith("\r") ? text.length - 1 : text.length;
    kept = text.slice(end);
    yield printable(text.slice(0, end));
  }
  yield printable(kept + decoder.decode());
}

/** The same for text that is at hand; without colors where there are to be none. */
export function printable(text: string, hasColor = true): string {
  return text
    .replace(/\r\n?/g, "\n")
    .split(colorSequence)
    .map((part, at) => {
      if (at % 2 === 1) return hasColor ? part : "";
      return part.replace(/[^\n\t]+/g, harmless);
    })
    .join("");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that sets colors begins with one.
const colorSequence = /(\u001b\[[0-9;]{0,28}m)/;
