import type { CommanderError, CommandUnknownOpts } from "@commander-js/extra-typings";

/** The parser refuses a command line: why, and at which command. */
export class ParserRefusal extends Error {
  readonly refusal: CommanderError;
  readonly command: CommandUnknownOpts;

  constructor(refusal: CommanderError, command: CommandUnknownOpts) {
    super(refusal.message);
    this.refusal = refusal;
    this.command = command;
  }
}

/** The words that call a command, one by one. */
export function namesOf(command: CommandUnknownOpts): readonly string[] {
  const above = command.parent;
  return [...(above === null ? [] : namesOf(above)), command.name()];
}

/** The words that call a command. */
export function pathOf(command: CommandUnknownOpts): string {
  return namesOf(command).join(" ");
}

/** The program. */
export function rootOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent === null ? command : rootOf(command.parent);
}
