/** Bytes of a line that are kept before it is cut in two: whoever never ends a line must not fill the memory. */
const maxLineLength = 64 * 1024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const lineEnd = Buffer.from("\n");

/**
 * A log of one step: takes what its programs write, and gives it on in whole lines, each with the step's name before it: those that come
 * together are given on together. `end` gives on what is left of a last line without an end. Bytes stay as they are, colors with them. A line that was drawn over itself with carriage returns, as
 * progress bars are, stands in the log as it was last.
 */
export function createStepLog(prefix: string, sink: (lines: Uint8Array) => void) {
  const head = Buffer.from(prefix);
  let kept: Buffer = Buffer.alloc(0);

  const whole = (line: Buffer): Buffer[] => [head, lastDrawn(line), lineEnd];

  return {
    write(chunk: Uint8Array): void {
      const lines: Buffer[] = [];
      let rest = kept.length === 0 ? Buffer.from(chunk) : Buffer.concat([kept, chunk]);
      for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed)) {
        lines.push(...whole(rest.subarray(0, end)));
        rest = rest.subarray(end + 1);
      }
      for (; rest.length > maxLineLength; rest = rest.subarray(maxLineLength))
        lines.push(...whole(rest.subarray(0, maxLineLength)));
      kept = rest;
      if (lines.length > 0) sink(Buffer.concat(lines));
    },
    end(): void {
      if (kept.length > 0) sink(Buffer.concat(whole(kept)));
      kept = Buffer.alloc(0);
    },
  };
}

function lastDrawn(line: Buffer): Buffer {
  const end = line.at(-1) === carriageReturn ? line.length - 1 : line.length;
  const start = line.subarray(0, end).lastIndexOf(carriageReturn);
  return line.subarray(start + 1, end);
}

/** The prefix of a step's lines, as Cloud Build writes it: `Step #0: `, or `Step #0 - "id": `. */
export function stepPrefix(
  step: { readonly index: number; readonly id?: string | undefined },
  build?: string,
): string {
  const variant = build === undefined ? "" : `[${build}] `;
  return `${variant}Step #${step.index}${step.id === undefined ? "" : ` - "${step.id}"`}: `;
}
