import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { buildProgram } from "../../src/cli/program.ts";
import { sayingOf, settleAll, type Verb } from "../../src/cli/verb.ts";
import { firstSteps, groups } from "../../src/cli/verbs.ts";
import { code, table } from "./table.ts";

/** A command that is shown, and the words that lead to it. */
export interface ShownCommand {
  readonly path: string;
  readonly group: string;
  readonly command: CommandUnknownOpts;
}

const silent = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
const program = settleAll(buildProgram(silent, async () => {}));

/** All verbs that help shows, each followed by those that stand in it. */
export function shownCommands(): readonly ShownCommand[] {
  const all = [...groups, { heading: "First steps", verbs: firstSteps }];
  return all.flatMap(({ heading, verbs }) => verbs.flatMap((verb) => withThoseIn(verb, program, heading)));
}

function withThoseIn(
  { name }: Pick<Verb, "name">,
  parent: CommandUnknownOpts,
  group: string,
  above = "waybill",
): readonly ShownCommand[] {
  const command = parent.commands.find((each) => each.name() === name);
  if (command === undefined) throw new Error(`there is no ${above} ${name}`);
  const path = `${above} ${name}`;
  const below = (sayingOf(command)?.below ?? []).flatMap((verb) => withThoseIn(verb, command, group, path));
  return [{ path, group, command }, ...below];
}

export function verbsTable(): string {
  let last = "";
  const rows = shownCommands().map(({ path, group, command }) => {
    const heading = group === last ? "" : group;
    last = group;
    const page = sayingOf(command)?.page;
    const more = page === undefined ? "" : `[${page.replace(/\.md$/, "").replaceAll("-", " ")}](${page})`;
    return [heading, code([path, ...wordsOf(command)].join(" ")), command.summary(), more];
  });
  return table(["", "line", "what it does", "page"], rows);
}

function wordsOf(command: CommandUnknownOpts): readonly string[] {
  return command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? "..." : ""}`;
    return argument.required ? name : `[${name}]`;
  });
}

/** An option of more verbs is one of most, and their help names it. */
const maxNamed = 8;

/** Each option once, with all verbs that have it in the same words. */
export function optionsTable(): string {
  const verbsBy = new Map<string, { readonly option: Option; readonly verbs: string[] }>();
  const shown = shownCommands();
  const add = (option: Option, verb: string): void => {
    if (option.hidden) return;
    const key = `${option.flags}\n${meaningOf(option)}`;
    const known = verbsBy.get(key);
    if (known === undefined) verbsBy.set(key, { option, verbs: [verb] });
    else known.verbs.push(verb);
  };
  for (const option of program.options) add(option, "all");
  for (const { path, command } of shown) {
    for (const option of command.options) add(option, path.replace("waybill ", ""));
  }
  const rows = [...verbsBy.values()]
    .toSorted((one, other) => (nameOf(one.option) < nameOf(other.option) ? -1 : 1))
    .map(({ option, verbs }) => [
      code(option.flags),
      meaningOf(option),
      verbs[0] === "all" ? "all" : verbs.length > maxNamed ? "most" : verbs.map(code).join(", "),
    ]);
  return table(["option", "what it does", "verbs"], rows);
}

function nameOf({ long, flags }: Option): string {
  return long ?? flags;
}

function meaningOf({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const usual: unknown = defaultValueDescription ?? defaultValue;
  return [
    description,
    ...(argChoices === undefined ? [] : [`(${argChoices.join(", ")})`]),
    ...(usual === undefined || typeof usual === "boolean" ? [] : [`(default: ${usual})`]),
  ].join(" ");
}
