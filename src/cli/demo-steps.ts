import { readdir } from "node:fs/promises";
import type { DemoStep } from "../demo/index.ts";
import { diskFaultOf, makeFolder } from "../disk/index.ts";
import { shellLine } from "../errors/index.ts";
import { UsageError } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

/** Shows a step as it is done: its commands, what they print, and the page that shows it. */
export function printStep(
  { colors, print }: Terminal,
  number: number,
  { title, commands, link, isWaiting }: DemoStep,
): void {
  print(colors.bold(`${number}. ${title}`));
  for (const { words, inBackground, output } of commands) {
    print(colors.cyan(`   $ ${shellLine(words)}${inBackground ? " &" : ""}`));
    for (const line of output) print(`   ${line}`.trimEnd());
  }
  if (link !== undefined) print(`   ${isWaiting === true ? colors.yellow("➜") : "➜"} ${colors.bold(link)}`);
  print("");
}

/** The folder that somebody names for what is written, made if need be. @throws {UsageError} when there is something in it. */
export async function emptyFolder(dir: string): Promise<string> {
  const hint = "name a folder that does not exist yet";
  const held = await makeFolder(dir)
    .then(() => readdir(dir))
    .catch((cause: unknown) => {
      throw new UsageError(`${dir} cannot be made a folder: ${diskFaultOf(cause).message}`, hint);
    });
  if (held.length === 0) return dir;
  throw new UsageError(`${dir} is not empty`, hint);
}
