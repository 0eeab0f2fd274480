import Anser from "anser";

/** What a terminal would do that a page does not: commands to it other than colors, and addresses of links. */
const commands =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b\[[0-?]*[ -/]*[@-ln-~]|\u001b[PX^_][^\u001b]*(?:\u001b\\)?|\u001b[ -/]*[0-Z\\-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const controls = /[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f]/g;
/** Signs that turn the order of others around or that nobody sees, by which a line says something else than it seems to. */
const unseen =
  /[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0001}-\u{e007f}]|(?<!\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d/gu;
/** Whether a line may have any of those. Most have none. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const special = /[\u0000-\u0008\u000a-\u001f\u007f-\u00ad\u061c\u180e\u200b-\u206f\ufeff-\uffff\udb40]/;

/** A line as a terminal would have it in the end, but for its colors. */
export function plainLine(line: string): string {
  if (!special.test(line)) return line;
  let end = line.length;
  while (end > 0 && line[end - 1] === "\r") end--;
  const overwritten = end === 0 ? "" : line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
  return overwritten
    .replace(commands, "")
    .replace(controls, "")
    .replace(unseen, (sign) => `⟨U+${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** The usual font: what comes before the first command of a line would have no color else. */
const goOn = "\u001b[10m";

/** A run of signs in one color. */
export interface ColoredPiece {
  readonly text: string;
  readonly classes: string | undefined;
}

/** Makes pieces of the lines of a log, one after the other: a color goes on until another one comes. */
export function coloring(): (line: string) => readonly ColoredPiece[] {
  const anser = new Anser();
  const piecesOf = (line: string): readonly ColoredPiece[] =>
    anser
      .ansiToJson(`${goOn}${line}`, { json: true, use_classes: true, remove_empty: true })
      .filter(({ content }) => content !== "")
      .map(({ content, fg, bg, decorations }) => {
        const classes = [
          ...[fg && knownColor(fg, "fg"), bg && knownColor(bg, "bg")],
          ...decorations.map((name) => `ansi-${name}`),
        ].filter((name) => name);
        return { text: content, classes: classes.length === 0 ? undefined : classes.join(" ") };
      });
  let isPlain = true;
  return (line) => {
    const text = plainLine(line);
    // Most lines have no color: ten thousand of them come in a second.
    if (isPlain && !text.includes("\u001b")) return text === "" ? [] : [{ text, classes: undefined }];
    const pieces = piecesOf(text);
    isPlain = piecesOf("x").every(({ classes }) => classes === undefined);
    return pieces;
  };
}

/** Of 16 million colors the style has sixteen; the others are as the text. */
function knownColor(name: string, where: "fg" | "bg"): string | undefined {
  return /^ansi-(?:bright-)?(?:black|red|green|yellow|blue|magenta|cyan|white)$/.test(name)
    ? `${name}-${where}`
    : undefined;
}
