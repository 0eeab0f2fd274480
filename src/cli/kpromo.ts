import type { Command } from "commander";
import { UsageError } from "./failure.ts";

/** Present for help and completion only: a line that begins with `kpromo` never reaches the parser. */
export function defineKpromo(program: Command): void {
  program
    .command("kpromo")
    .description("run a command line of kpromo, unchanged")
    .argument("[line...]", "what stands after kpromo")
    .allowUnknownOption()
    .action(() => {
      throw new UsageError("kpromo has to be the first word: waybill kpromo …");
    });
}
