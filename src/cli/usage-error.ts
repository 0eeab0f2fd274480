import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { shellLine } from "../errors/index.ts";
import { UsageError } from "./failure.ts";
import { namesOf, type ParserRefusal, pathOf, rootOf } from "./parser-refusal.ts";
import { settle } from "./verb.ts";

/**
 * The refusal as a usage error, whose hint is the line that was meant, or where help is.
 * @param argv The command line, without the program's name.
 */
export async function usageErrorOf(refused: ParserRefusal, argv: readonly string[]): Promise<UsageError> {
  const { refusal, command } = refused;
  const message = refusal.message.replace(/^error: /, "");
  const said = refusal.code === unknownOption ? saidOfFlag(message, command) : message;
  if (argv.some((word) => isSecretFlag(word, command)))
    return new UsageError(
      said,
      `no option takes a secret, for others see command lines: ${pathOf(command)} -h`,
    );
  const others = refusal.code === unknownOption ? verbsWith(wrongFlag(command, argv), command) : [];
  if (others.length > 0) {
    const verbs = others.length > 3 ? [...others.slice(0, 3), "others"] : others;
    return new UsageError(said, `it goes with ${verbs.join(", ")}; see: ${pathOf(command)} -h`);
  }
  const meant = await meantLine(refused, argv);
  return new UsageError(said, meant === undefined ? `see: ${pathOf(command)} -h` : `did you mean: ${meant}`);
}

/** The first word that is a flag which a command does not take. */
function wrongFlag(command: CommandUnknownOpts, argv: readonly string[]): string | undefined {
  const flags = flagsFor(command);
  return argv.find((word) => word.startsWith("-") && !flags.includes(nameIn(word)));
}

/** The verbs, as a line calls them, that take a flag which this one does not. */
function verbsWith(word: string | undefined, command: CommandUnknownOpts): string[] {
  if (word === undefined || !word.startsWith("--")) return [];
  const takes = (each: CommandUnknownOpts): string[] => {
    settle(each);
    const isOwn = each.options.some(({ long, hidden }) => long === nameIn(word) && !hidden);
    const below = each.createHelp().visibleCommands(each).flatMap(takes);
    return isOwn ? [pathOf(each), ...below] : below;
  };
  return takes(rootOf(command));
}

const unknownOption = "commander.unknownOption";

/** What is wrong with a flag: that nobody knows it, or that it was given a value. */
function saidOfFlag(message: string, command: CommandUnknownOpts): string {
  const [, flag] = /'(--[^=]+)=.*'$/s.exec(message) ?? [];
  return flag !== undefined && flagsFor(command).includes(flag)
    ? `option '${flag}' takes no value`
    : message.replace(/'(.*)'$/s, shownFlag);
}

/** A flag that nobody knows, without the value in the same word: it may be a secret. */
function shownFlag(_: string, word: string): string {
  const name = nameIn(word);
  return `'${/^-[^-]./.test(name) ? `${name.slice(0, 2)}…` : name}'`;
}

/** Whether a word is a flag as other tools have it, by which they are given secrets. */
function isSecretFlag(word: string, command: CommandUnknownOpts): boolean {
  if (!word.startsWith("-") || flagsFor(command).includes(nameIn(word))) return false;
  const isLogin = command.options.some(({ long }) => long === "--password-stdin");
  return /^--.*(?:pass|secret|token|cred|auth)/i.test(nameIn(word)) || (isLogin && word.startsWith("-p"));
}

/** The line with the one word mended that the parser does not know; `undefined` when nothing is near it. */
async function meantLine(
  { refusal: { code }, command }: ParserRefusal,
  argv: readonly string[],
): Promise<string | undefined> {
  const isFlag = code === unknownOption;
  // What a verb does that others stand in has taken a mistyped one of them for its argument.
  const at = code === "commander.excessArguments" && command.parent !== null ? command.parent : command;
  if (!isFlag && code !== "commander.unknownCommand" && at === command) return undefined;
  const flag = isFlag ? wrongFlag(command, argv) : undefined;
  const place = flag === undefined ? afterPath(at, argv) : argv.indexOf(flag);
  const wrong = argv[place];
  if (code === "commander.unknownCommand" && wrong === "version") return "waybill --version";
  // Any letter is near any other.
  if (wrong === undefined || /^-[^-]$/.test(nameIn(wrong))) return undefined;
  const { nearest } = await import("../diagnostics/index.ts");
  const bare = nearest(
    nameIn(wrong).replace(/^-+/, ""),
    (isFlag ? flagsFor(command, false).filter((each) => each.startsWith("--")) : verbsOf(at)).map((each) =>
      each.replace(/^-+/, ""),
    ),
  );
  const name = isFlag && bare !== undefined ? `--${bare}` : bare;
  if (name === undefined || name === wrong) return undefined;
  const mended = argv.with(place, `${name}${wrong.slice(nameIn(wrong).length)}`);
  return `waybill ${shellLine(mended.map(shown))}`;
}

/** The flag of `--flag=value`, and any other word as it is. */
function nameIn(word: string): string {
  return word.startsWith("-") ? (word.split("=", 1)[0] ?? word) : word;
}

/** A word as it may be printed: an address without who logs in, whatever signs a password has; what names a digest stays. */
function shown(word: string): string {
  return word
    .replace(/^([a-z][a-z0-9+.-]*:\/\/).*@(?![a-z0-9]+:[0-9a-f]{32})/i, "$1")
    .replace(/^[^/]+:.*@(?![a-z0-9]+:[0-9a-f]{32})/i, "");
}

/** The place of the first word that is no option, behind those that lead to a command. */
function afterPath(command: CommandUnknownOpts, argv: readonly string[]): number {
  const path = [...namesOf(command).slice(1)];
  return argv.findIndex((word) => {
    if (word === path[0]) path.shift();
    else return !word.startsWith("-") && path.length === 0;
    return false;
  });
}

/** The flags that a command takes, those that are not shown among them unless they are left out. */
function flagsFor(command: CommandUnknownOpts, withHidden = true): string[] {
  const above = command.parent === null ? [] : flagsFor(command.parent, withHidden);
  const options = command.options.filter(({ hidden }) => withHidden || !hidden);
  const flags = options.flatMap(({ long, short }) => [long ?? [], short ?? []].flat());
  return [...flags, "--help", "-h", ...above];
}

function verbsOf(command: CommandUnknownOpts): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name());
}
