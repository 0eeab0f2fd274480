import type { Argument, CommandUnknownOpts as Command, Option } from "@commander-js/extra-typings";
import type { Shell } from "./completion-script.ts";
import type { TreeWords } from "./completion-tree.ts";
import { optionsOfAll } from "./help.ts";

/** A word that may stand at the cursor, with what it means. */
export interface Word {
  readonly text: string;
  readonly means?: string | undefined;
}

/** What may stand at the cursor. */
export interface Offer {
  readonly words: readonly Word[];
  /** What of the disk may stand there as well: shells show it as they always do. */
  readonly paths: "files" | "folders" | "none";
  /** What stays in front of each word: `--project=`. */
  readonly prefix: string;
}

const nothing: Offer = { words: [], paths: "none", prefix: "" };

/**
 * What may stand at the cursor of a command line.
 * @param typed The words up to the cursor, without the program's name, as the shell has them: bash as they were typed.
 * @param home What `~` stands for.
 */
export async function offerFor(
  program: Command,
  shell: Shell,
  typed: readonly string[],
  home: string | undefined,
): Promise<Offer> {
  const words = shell === "bash" ? typed.map(unquoted) : typed;
  const current = words.at(-1);
  if (current === undefined) return nothing;
  const line = readLine(program, words.slice(0, -1));
  const offer = await offerAt(line, current, home);
  if (shell !== "bash") return offer;
  const begun = current.slice(offer.prefix.length);
  return { ...offer, words: offer.words.filter(({ text }) => text.startsWith(begun)) };
}

/** A word of a shell without its quotes; `undefined` for one that the shell makes another one of. */
function unquoted(typed: string): string | undefined {
  let text = "";
  for (const [part, escaped, single, double] of typed.matchAll(
    /\\(.)|'([^']*)(?:'|$)|"((?:[^"\\]|\\.)*)(?:"|$)|[^\\'"]+|\\$/gs,
  )) {
    if (escaped !== undefined || single !== undefined) text += escaped ?? single;
    else if (/[$`]/.test(part)) return undefined;
    else text += double === undefined ? part : double.replaceAll(/\\(["\\$`])/g, "$1");
  }
  return text;
}

/** The words before the cursor, as the parser takes them. */
interface Line {
  readonly command: Command;
  /** Whether it asks for help by the name of a command. */
  readonly asksForHelp: boolean;
  readonly operands: readonly (string | undefined)[];
  /** The values of options, by what the parser keeps them under. */
  readonly values: ReadonlyMap<string, readonly (string | undefined)[]>;
  /** The option whose value stands at the cursor. */
  readonly awaited: Option | undefined;
  /** Whether nothing is an option any more. */
  readonly isLiteral: boolean;
}

function readLine(program: Command, words: readonly (string | undefined)[]): Line {
  let command = program;
  let asksForHelp = false;
  let isLiteral = false;
  let awaited: Option | undefined;
  const operands: (string | undefined)[] = [];
  const values = new Map<string, (string | undefined)[]>();
  const keep = (option: Option, value: string | undefined): void => {
    const name = option.attributeName();
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  for (const word of words) {
    const isFlag = !isLiteral && word?.startsWith("-") === true && word !== "-";
    if (awaited !== undefined && (awaited.required || !isFlag)) {
      keep(awaited, word);
      awaited = undefined;
    } else if (word === "--" && !isLiteral) {
      isLiteral = true;
    } else if (isFlag) {
      const [, flag = "", value] = /^(--[^=]*|-.)=?(.+)?$/s.exec(word) ?? [];
      const option = optionOf(command, flag);
      awaited = undefined;
      if (option === undefined || !(option.required || option.optional)) continue;
      if (value === undefined && !word.includes("=")) awaited = option;
      else keep(option, value ?? "");
    } else if (word === "help" && command === program) {
      asksForHelp = true;
    } else {
      const below =
        operands.length > 0 || isLiteral ? undefined : command.commands.find((each) => each.name() === word);
      if (below === undefined) operands.push(word);
      else command = below;
    }
  }
  return { command, asksForHelp, operands, values, awaited, isLiteral };
}

function optionOf(command: Command, flag: string): Option | undefined {
  const found = command.options.find(({ long, short }) => long === flag || short === flag);
  return found ?? (command.parent === null ? undefined : optionOf(command.parent, flag));
}

async function offerAt(line: Line, current: string, home: string | undefined): Promise<Offer> {
  const { command, awaited, isLiteral, operands } = line;
  if (line.asksForHelp) return { ...nothing, words: verbsOf(command) };
  if (awaited?.required) return offerOfValue(line, awaited, current, "", home);
  if (!isLiteral && current.startsWith("-")) {
    const [prefix, flag = ""] = /^(--[^=]+)=/.exec(current) ?? [];
    if (prefix === undefined) return { ...nothing, words: flagsOf(command) };
    const option = optionOf(command, flag);
    const takesValue = option?.required || option?.optional;
    return takesValue ? offerOfValue(line, option, current.slice(prefix.length), prefix, home) : nothing;
  }
  if (awaited !== undefined) {
    const offer = await offerOfValue(line, awaited, current, "", home);
    if (offer.paths !== "none" || offer.words.length > 0) return offer;
  }
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[operands.length] ?? (last?.variadic ? last : undefined);
  return {
    words: [
      ...(operands.length === 0 && !isLiteral ? verbsOf(command) : []),
      ...(argument?.argChoices ?? []).map((text) => ({ text, means: argument?.description })),
    ],
    paths: argument === undefined ? "none" : pathsOf(argument.name()),
    prefix: "",
  };
}

function verbsOf(command: Command): Word[] {
  const help = command.createHelp();
  return help
    .visibleCommands(command)
    .map((each) => ({ text: each.name(), means: help.subcommandDescription(each) }));
}

function flagsOf(command: Command): Word[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...optionsOfAll(command, help)];
  return options.flatMap(({ long, short, description }) =>
    [long, short].flatMap((text) => (text === undefined ? [] : [{ text, means: description }])),
  );
}

async function offerOfValue(
  line: Line,
  option: Option,
  value: string,
  prefix: string,
  home: string | undefined,
): Promise<Offer> {
  const [placeholder = ""] = /(?<=[<[]).+(?=[>\]])/.exec(option.flags) ?? [];
  const [form] = /^[^=]*=/.exec(value) ?? [];
  if (placeholder.endsWith("[=file]") && form !== undefined) {
    return { words: [], paths: "files", prefix: `${prefix}${form}` };
  }
  if (option.argChoices !== undefined) {
    return { words: option.argChoices.map((text) => ({ text })), paths: "none", prefix };
  }
  const kind = kindsInTree.get(option.attributeName());
  const tree = treeOf(line, home);
  if (kind === undefined || tree === undefined) return { words: [], paths: pathsOf(placeholder), prefix };
  const { wordsOfTree } = await import("./completion-tree.ts");
  const given = (name: string): string[] =>
    (line.values.get(name) ?? []).filter((each) => each !== undefined);
  const within = { projects: given("project"), images: given("image"), tags: given("tag"), to: given("to") };
  const words = await wordsOfTree(kind, tree, within);
  return { words: words.map((text) => ({ text })), paths: "none", prefix };
}

/** Options of verbs that work on a tree, with what of it their values are. */
const kindsInTree: ReadonlyMap<string, TreeWords> = new Map([
  ["project", "projects"],
  ["image", "images"],
  ["tag", "tags"],
  ["to", "destinations"],
  ["stagingRepo", "sources"],
]);

/** The tree that a line names; `undefined` when its verb works on none, or nobody knows which before the line is run. */
function treeOf({ command, operands, values }: Line, home: string | undefined): string | undefined {
  const at = command.registeredArguments.findIndex((argument: Argument) => /\btree\b/.test(argument.name()));
  const argument = command.registeredArguments[at];
  if (argument === undefined) return undefined;
  const usual = String(argument.defaultValue);
  const named = at < operands.length ? operands[at] : values.has("tree") ? values.get("tree")?.at(-1) : usual;
  return home === undefined ? named : named?.replace(/^~(?=$|\/)/, () => home);
}

/** What of the disk an argument or a value is, by the name that it has in help. */
function pathsOf(name: string): Offer["paths"] {
  if (/\b(dir|folder)$/.test(name)) return "folders";
  return /^(tree\b|before$|after$|file\b|path$)/.test(name) ? "files" : "none";
}
