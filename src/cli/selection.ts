import type { Command, OptionValues } from "@commander-js/extra-typings";

/** Adds the options that limit a verb to some projects, images, tags and registries. */
export function withSelection<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command;
}
