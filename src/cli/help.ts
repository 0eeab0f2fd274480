import type { CommandUnknownOpts, Help, Option } from "@commander-js/extra-typings";
import { exitCodes } from "./exit-codes.ts";
import { pathOf, rootOf } from "./parser-refusal.ts";
import { headings, isCommon, sayingOf } from "./verb.ts";

interface ShownGroup {
  readonly heading: string;
  readonly names: readonly string[];
}

type Row = readonly [term: string, text: string];

/** Columns of help at most, and where it goes to no terminal. */
const maxWidth = 80;
/** A term that is longer has a line of its own. */
const maxTerm = 28;

/** The help of a command: what is used most, which fits a screen, or everything. */
export function formatHelp(
  command: CommandUnknownOpts,
  help: Help,
  { groups, isBrief }: { readonly groups: readonly ShownGroup[]; readonly isBrief: boolean },
): string {
  const width = Math.min(help.helpWidth ?? maxWidth, maxWidth);
  const paragraphs =
    command.parent === null
      ? programHelp(command, help, groups, isBrief, width)
      : isBrief
        ? briefHelp(command, help, width)
        : wholeHelp(command, help, width);
  return `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

const compatibility = "cip, cip-mm, waybill kpromo, waybill image-builder: their lines run unchanged.";

function programHelp(
  command: CommandUnknownOpts,
  help: Help,
  groups: readonly ShownGroup[],
  isBrief: boolean,
  width: number,
): string[][] {
  const named = (name: string) => help.visibleCommands(command).find((each) => each.name() === name);
  const edge = Math.max(...groups.map(({ heading }) => heading.length)) + 2;
  const rows = groups.flatMap(({ heading, names }) =>
    names.flatMap((name, at) => {
      const found = named(name);
      if (found === undefined) return [];
      const start = `${(at === 0 ? heading : "").padEnd(edge)}${name}`;
      const below = help.visibleCommands(found).filter((each) => sayingOf(each) !== undefined);
      return [
        [start, found.summary()] as const,
        ...(isBrief
          ? []
          : below.map((each): Row => [`${"".padEnd(edge)}  ${name} ${each.name()}`, each.summary()])),
      ];
    }),
  );
  const first = ["Usage: waybill VERB [TREE] [options]", "", command.description()];
  const others = [
    "First steps: waybill demo. Completion for shells: waybill completion --help.",
    "Is all signed as asked: waybill sigcheck. Images in one file: waybill bundle.",
  ];
  if (isBrief) {
    return [
      [...first.filter((line) => line !== ""), "", ...table(rows, width, "")],
      wrapped("First steps: waybill demo. About a verb: waybill VERB -h; all: waybill --help.", width),
    ];
  }
  return [
    first,
    table(rows, width, ""),
    section("Options of all verbs:", optionRows(help.visibleOptions(command)), width),
    [...wrapped(compatibility, width), ...others],
    exitCodesOf(command, width),
  ];
}

function briefHelp(command: CommandUnknownOpts, help: Help, width: number): string[][] {
  const [example] = sayingOf(command)?.examples ?? [];
  const below = help.visibleCommands(command).filter((each) => sayingOf(each) !== undefined);
  const options = help.visibleOptions(command).filter((option) => isCommon(option));
  return [
    [usageOf(command, help)],
    wrapped(`${sentence(command.description())}`, width),
    table([...argumentRows(command, help), ...optionRows(options)], width),
    table(
      below.map((each) => [`${command.name()} ${each.name()}`, each.summary()]),
      width,
    ),
    example === undefined
      ? []
      : [...wrapped(`Example: ${example[1]}`, width), ...brokenLine(example[0], width)],
    [`${pathOf(command)} --help tells all.`],
  ];
}

function wholeHelp(command: CommandUnknownOpts, help: Help, width: number): string[][] {
  const said = sayingOf(command);
  const options = help.visibleOptions(command).filter(({ long }) => long !== "--help");
  const groupOf = ({ helpGroupHeading = headings.how }: Option): string => helpGroupHeading;
  const below = help.visibleCommands(command).filter((each) => sayingOf(each) !== undefined);
  return [
    [usageOf(command, help)],
    wrapped(sentence(command.description()), width),
    section("Arguments:", argumentRows(command, help), width),
    section(
      "Verbs in it:",
      below.map((each) => [each.name(), each.summary()]),
      width,
    ),
    ...Object.values(headings).map((heading) =>
      section(heading, optionRows(options.filter((option) => groupOf(option) === heading)), width),
    ),
    section("Options of all verbs:", optionRows(optionsOfAll(command, help)), width),
    said === undefined || said.examples.length === 0
      ? []
      : [
          "Examples:",
          ...said.examples.flatMap(([line, what], at) => [
            ...(at === 0 ? [] : [""]),
            ...wrapped(what, width - 4).map((text) => `  # ${text}`),
            ...brokenLine(line, width),
          ]),
        ],
    exitCodesOf(command, width),
    said?.page === undefined ? [] : [`More: docs/${said.page}`],
  ];
}

/** Those of the program; what a verb takes that others stand in is no matter of theirs. */
export function optionsOfAll(command: CommandUnknownOpts, help: Help): Option[] {
  const root = rootOf(command);
  return help.visibleGlobalOptions(command).filter((option) => root.options.includes(option));
}

function exitCodesOf(command: CommandUnknownOpts, width: number): string[] {
  const own = sayingOf(command)?.exits ?? {};
  const rows = Object.values(exitCodes).flatMap((code): Row[] => {
    const means = own[code] ?? usualExits[code];
    return means === undefined ? [] : [[String(code), means]];
  });
  return section("Exit codes:", rows, width);
}

const usualExits: Readonly<Partial<Record<number, string>>> = {
  [exitCodes.asDesired]: "all is as desired",
  [exitCodes.nothingDone]: "nothing could be done: the line is wrong, or what it names",
  [exitCodes.notAsDesired]: "done, and something is not as desired",
  [exitCodes.unwritten]: "done, and the result could not be written",
  [exitCodes.interrupted]: "stopped by a signal; run it again",
};

function usageOf(command: CommandUnknownOpts, help: Help): string {
  const words = command.registeredArguments.map((argument) => {
    const text = `${nameOf(argument.name())}${argument.variadic ? "..." : ""}`;
    return argument.required ? text : `[${text}]`;
  });
  const below = help.visibleCommands(command).some((each) => sayingOf(each) !== undefined);
  // What does something itself has options of its own.
  const isFamily = help.visibleOptions(command).every(({ long }) => long === "--help");
  const verb = below && isFamily && command.registeredArguments.length === 0 ? ["VERB"] : [];
  return ["Usage:", pathOf(command), ...verb, ...words, "[options]"].join(" ");
}

function nameOf(argument: string): string {
  return argument.toUpperCase();
}

function argumentRows(command: CommandUnknownOpts, help: Help): Row[] {
  return help.visibleArguments(command).map((argument) => [nameOf(argument.name()), meaningOf(argument)]);
}

function optionRows(options: readonly Option[]): Row[] {
  return options.map((option) => [option.flags, meaningOf(option)]);
}

function meaningOf(
  item: Pick<Option, "description" | "argChoices" | "defaultValue" | "defaultValueDescription">,
): string {
  const { description, argChoices, defaultValue, defaultValueDescription } = item;
  const usual: unknown = defaultValueDescription ?? defaultValue;
  return [
    description,
    ...(argChoices === undefined ? [] : [`(${argChoices.join(", ")})`]),
    ...(usual === undefined || typeof usual === "boolean" ? [] : [`(default: ${usual})`]),
  ].join(" ");
}

function section(heading: string, rows: readonly Row[], width: number): string[] {
  return rows.length === 0 ? [] : [heading, ...table(rows, width)];
}

function table(rows: readonly Row[], width: number, indent = "  "): string[] {
  const edge = Math.min(maxTerm, Math.max(0, ...rows.map(([term]) => term.length))) + indent.length + 2;
  return rows.flatMap(([term, text]) => {
    const start = `${indent}${term}`;
    const [first = "", ...others] = wrapped(text, width - edge);
    const rest = others.map((line) => `${"".padEnd(edge)}${line}`);
    if (start.length + 2 <= edge) return [`${start.padEnd(edge)}${first}`.trimEnd(), ...rest];
    return [start, `${"".padEnd(edge)}${first}`, ...rest];
  });
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A line for a shell, continued where it is too long. */
function brokenLine(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of text.split(/ (?=--)/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + part.length + 3 <= width)
      lines[lines.length - 1] = `${line} ${part}`;
    else lines.push(`${lines.length === 0 ? "  " : "    "}${part}`);
  }
  return lines.map((line, at) => (at < lines.length - 1 ? `${line} \\` : line));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}
