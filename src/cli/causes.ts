import { type Cause, causeInLines } from "../errors/index.ts";
import type { Terminal } from "./terminal.ts";

/** Prints what problems come from, each cause with its places and what to do about it. @param noun What is counted. */
export function printCauses(terminal: Terminal, causes: readonly Cause[], noun: string): void {
  for (const cause of causes) {
    for (const line of causeInLines(cause, { paint: terminal.colors.red, noun })) terminal.print(line);
  }
}
