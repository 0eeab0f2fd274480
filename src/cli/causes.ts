import { type Cause, causeInLines } from "../errors/index.ts";
import { shortened } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Prints what problems come from, each cause with its places and what to do about it. @param noun What is counted. */
export function printCauses(terminal: Terminal, causes: readonly Cause[], noun: string): void {
  const width = terminal.verbose ? undefined : terminal.columns;
  for (const cause of causes) {
    const isList = cause.places.length > 1 || cause.more > 0;
    for (const line of causeInLines(cause, { paint: terminal.colors.red, noun })) {
      // What is said of a cause, and what to do, is whole; a list of places has a line for each.
      const isPlace = isList && line.startsWith("    ") && !line.startsWith("    hint:");
      terminal.print(isPlace ? shortened(line, width) : line);
    }
  }
}
