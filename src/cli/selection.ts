import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Selection } from "../edges/index.ts";
import { collect, look, type None, type OptionsOf } from "./verb.ts";

/** Adds the options that limit a verb to some projects, images, tags and registries. */
export function withSelection<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command
    .addOption(
      look.common("--project <name>", "only these projects; each repeatable, with globs").argParser(collect),
    )
    .addOption(look("--image <name>", "only these images; globs as in kube-*, regex:EXPR").argParser(collect))
    .addOption(
      look.common("--tag <tag>", "only these tags; globs, semver:RANGE, regex:EXPR").argParser(collect),
    )
    .addOption(
      look("--to <registry>", "only what goes to these registries, or below them").argParser(collect),
    );
}

export type SelectionOptions = OptionsOf<typeof withSelection<[], None>>;

/** What the options select; `undefined` when none is given. @throws {SelectionError} `invalid-pattern`. */
export async function selectionOf({
  project: projects = [],
  image: images = [],
  tag: tags = [],
  to = [],
}: { readonly [Name in keyof SelectionOptions]?: SelectionOptions[Name] | undefined }): Promise<
  Selection | undefined
> {
  if ([projects, images, tags, to].every(({ length }) => length === 0)) return undefined;
  const { parseSelection } = await import("../edges/index.ts");
  return parseSelection({ projects, images, tags, to });
}
