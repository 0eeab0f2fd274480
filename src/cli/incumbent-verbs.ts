import type { Command } from "commander";
import { UsageError } from "./failure.ts";

/** Present for help and completion only: a line that begins with `kpromo` never reaches the parser. */
export function defineKpromo(program: Command): void {
  defineIncumbent(program, "kpromo");
}

/** The same for lines that begin with `image-builder`. */
export function defineImageBuilder(program: Command): void {
  defineIncumbent(program, "image-builder");
}

function defineIncumbent(program: Command, name: string): void {
  program
    .command(name)
    .description(`run a command line of ${name}, unchanged`)
    .argument("[line...]", `what stands after ${name}`)
    .allowUnknownOption()
    .action(() => {
      throw new UsageError(`${name} has to be the first word: waybill ${name} …`);
    });
}
