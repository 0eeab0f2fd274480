/** Bytes of a line that are kept before it is cut in two: whoever never ends a line must not fill the memory. */
const maxLineLength = 64 * 1024;

/**
 * A log of one step: takes what its programs write, and gives it on in whole lines, each with the step's name before it: those that come
 * together are given on together. `end` gives on what is left of a last line without an end. Bytes stay as they are, colors with them. A line that was drawn over itself with carriage returns, as
 * progress bars are, stands in the log as it was last.
 */
export function createStepLog(prefix: string, sink: (lines: Uint8Array) => void) {
  // Each byte is a character: of many short lines, characters cost much less than pieces of memory.
  const head = Buffer.from(prefix).toString("latin1");
  let kept = "";

  const give = (lines: readonly string[]): void => {
    if (lines.length > 0) sink(Buffer.from(`${head}${lines.map(lastDrawn).join(`\n${head}`)}\n`, "latin1"));
  };

  return {
    write(chunk: Uint8Array): void {
      const lines = `${kept}${Buffer.from(chunk).toString("latin1")}`.split("\n");
      let rest = lines.pop() ?? "";
      for (; rest.length > maxLineLength; rest = rest.slice(maxLineLength))
        lines.push(rest.slice(0, maxLineLength));
      kept = rest;
      give(lines);
    },
    end(): void {
      if (kept.length > 0) give([kept]);
      kept = "";
    },
  };
}

function lastDrawn(line: string): string {
  const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
  return whole.slice(whole.lastIndexOf("\r") + 1);
}

/** The prefix of a step's lines, as Cloud Build writes it: `Step #0: `, or `Step #0 - "id": `. */
export function stepPrefix(
  step: { readonly index: number; readonly id?: string | undefined },
  build?: string,
): string {
  const variant = build === undefined ? "" : `[${build}] `;
  return `${variant}Step #${step.index}${step.id === undefined ? "" : ` - "${step.id}"`}: `;
}
