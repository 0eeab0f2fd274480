import {
  type Command,
  type CommandUnknownOpts,
  InvalidArgumentError,
  Option,
  type OptionValues,
} from "@commander-js/extra-typings";
import type { ExitCode } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { type Form, type OutputRequest, outputOption } from "./output.ts";
import { namesOf, ParserRefusal } from "./parser-refusal.ts";
import type { Session } from "./session.ts";

export type None = Record<never, never>;

/** A command that nothing has been said of yet. */
export type Blank = Command<[], None>;

/** The options of a verb, as its definition has them. */
export type OptionsOf<Define> = Define extends (command: Blank) => Command<infer _, infer Options>
  ? Options
  : never;

interface Said {
  readonly name: string;
  /** Its line in the help of what it stands in. */
  readonly summary: string;
  /** What its own help says; the summary when left out. */
  readonly description?: string;
  /** Lines to copy, each with what it does; the short help shows the first. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** What exit codes mean here, where that is more than what they mean everywhere. */
  readonly exits?: Readonly<Partial<Record<ExitCode, string>>>;
  readonly page?: string;
  readonly below?: readonly Verb[];
}

/** A verb that does something. */
interface Doing<Arguments extends unknown[], Options extends OptionValues> extends Said {
  readonly forms?: readonly Form[];
  readonly define: (command: Blank) => Command<Arguments, Options>;
  /** Other spellings of its options, which work and are not shown: flags, and what they stand for. */
  readonly old?: OldSpellings;
  /** Does it with what it was given: its arguments, then its options. */
  readonly run: (session: Session, ...given: [...Arguments, Options]) => Promise<ExitCode>;
}

/**
 * Old flags, each with what it is now: `{ "--report <file>": "--output json=<file>" }`. What stands for a value in the flags
 * stands for it in the new words as well. `[tree]` is the argument of that name.
 */
export type OldSpellings = Readonly<Record<string, string | OldSpelling>>;

interface OldSpelling {
  readonly now: string;
  /** Makes the new word of its value, which is not put into the new words as it is. */
  readonly wordOf?: (value: string) => string;
  /** It goes before `--json`, as it always has; what it stands for does not go with that. */
  readonly isOverJson?: true;
}

/** A verb, defined once; it can stand at several places of the command line. */
export interface Verb extends Said {
  readonly old: OldSpellings;
  /** Defines it below a command, under its own name or another. */
  readonly defineIn: (parent: CommandUnknownOpts, act: Act, place?: VerbPlace) => void;
}

export interface VerbPlace {
  readonly name?: string;
  /** It works, and is not shown. */
  readonly isHidden?: boolean;
  /** It is what the verb above does when nothing else is named. */
  readonly isDefault?: boolean;
}

/** Opens the session of a command, and does its work there. */
export type Act = (call: Call, work: (session: Session) => Promise<ExitCode>) => Promise<void>;

/** A command that the parser has found, and what its session is opened with. */
export interface Call {
  readonly command: CommandUnknownOpts;
  /** What its work is given: its arguments, then its options. */
  readonly given: readonly unknown[];
  readonly outputs: readonly OutputRequest[];
  /** Whether `--json` was given, and counts: where there is nothing but text, it does for what goes wrong alone. */
  readonly isJson: boolean;
  /** What has to be said before the work. */
  readonly notice: string | undefined;
}

/** What is said of a command beside what the parser knows. */
const sayings = new WeakMap<CommandUnknownOpts, Said>();

export function sayingOf(command: CommandUnknownOpts): Said | undefined {
  return sayings.get(command);
}

/** Defines a verb: what it is given has the types that its options and arguments are defined with. */
export function verb<Arguments extends unknown[], Options extends OptionValues>(
  doing: Doing<Arguments, Options>,
): Verb {
  const { forms = ["text", "json"], define, old = {}, run, ...said } = doing;
  return {
    ...said,
    old,
    defineIn(parent, act, place = {}) {
      const named = newCommand(parent, said, place);
      defineBelow(named as CommandUnknownOpts, said, act);
      later.set(named as CommandUnknownOpts, () => {
        const command = define(named);
        const dryRun = addOptionsOfAll(command, forms);
        addOldSpellings(command, old);
        command.action((...received) => {
          const options: OptionValues = command.opts();
          const globals: OptionValues = command.optsWithGlobals();
          const given = withOldTree(command, received.slice(0, -1)) as [...Arguments, Options];
          const outputs = (options.output ?? []) as readonly OutputRequest[];
          const call = {
            command: command as CommandUnknownOpts,
            given,
            outputs,
            isJson: globals.json === true && forms.includes("json") && !overJson.has(command),
            notice: noticeOfDryRun(dryRun, options),
          };
          return act(call, (session) => run(session, ...given));
        });
      });
    },
  };
}

/** A verb under another name. */
export function underName(found: Verb, name: string): Verb {
  return {
    ...found,
    name,
    defineIn: (parent, act, place) => found.defineIn(parent, act, { ...place, name }),
  };
}

interface FamilyOf extends Said {
  readonly below: readonly Verb[];
  /** Verbs that stand elsewhere now: they work here, and are not shown. */
  readonly formerly?: readonly Verb[];
  readonly default?: string;
}

/** Defines a verb that does nothing itself: others stand in it. */
export function family(said: FamilyOf): Verb {
  return {
    ...said,
    old: {},
    defineIn(parent, act, place = {}) {
      const command = newCommand(parent, said, place);
      defineBelow(command, said, act);
      for (const each of said.formerly ?? []) each.defineIn(command, act, { isHidden: true });
      readHelpWord(command, said.default === undefined);
    },
  };
}

/**
 * Reads `help VERB` as `VERB --help`, by which the options of the verb come to be defined.
 * @param isClosed Whether a word that is no verb is wrong here; that somebody asks for help as well does not hide it.
 */
export function readHelpWord(command: CommandUnknownOpts, isClosed: boolean): void {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => {
    const { operands, unknown } = parse(args);
    const [word, ...words] = operands;
    if (word === "help") return command.parseOptions([...words, ...unknown, "--help"]);
    const isKnown = word === undefined || command.commands.some((each) => each.name() === word);
    if (isKnown || !isClosed) return { operands, unknown };
    return { operands, unknown: unknown.filter((flag) => flag !== "-h" && flag !== "--help") };
  };
}

/** What defines the arguments and options of commands that were named, and not looked at yet. */
const later = new WeakMap<CommandUnknownOpts, () => void>();

/** Defines the arguments and options of a command that stands by its name alone: a line looks at one of fifty. */
export function settle(command: CommandUnknownOpts): void {
  later.get(command)?.();
  later.delete(command);
}

/** The same for a command and all below it. */
export function settleAll<Root extends CommandUnknownOpts>(root: Root): Root {
  settle(root);
  for (const command of root.commands) settleAll(command);
  return root;
}

function newCommand(parent: CommandUnknownOpts, said: Said, place: VerbPlace): Blank {
  const { isHidden = false, isDefault = false, name = said.name } = place;
  const command = parent.command(name, { hidden: isHidden, isDefault });
  command
    .summary(said.summary)
    .description(said.description ?? said.summary)
    .hook("preSubcommand", (_, found) => settle(found))
    .exitOverride((error) => {
      throw new ParserRefusal(error, command);
    });
  sayings.set(command, said);
  return command as Blank;
}

function defineBelow(
  command: CommandUnknownOpts,
  { below = [], ...said }: Said & { readonly default?: string },
  act: Act,
): void {
  if (below.length === 0) return;
  // What stands behind the name of a verb is that verb's, not this one's.
  command.enablePositionalOptions();
  for (const each of below) each.defineIn(command, act, { isDefault: each.name === said.default });
}

export const headings = { look: "What to look at:", out: "What comes out:", how: "How:" } as const;

const commonOptions = new WeakSet<object>();
const unrecordedOptions = new WeakSet<object>();
const recordedTexts = new WeakMap<object, (value: string) => string>();

/** Options that say what is looked at. */
export const look = optionsUnder(headings.look);
/** Options that say what comes out, and where. */
export const out = optionsUnder(headings.out);
/** All other options. */
export const how = optionsUnder(headings.how);

/** Makes options for a heading of the help; those that are used most by `common`, which the short help shows. */
function optionsUnder(heading: string) {
  const plain = <Flags extends string>(flags: Flags, text: string): Option<Flags> =>
    new Option(flags, text).helpGroup(heading);
  const common = <Flags extends string>(flags: Flags, text: string): Option<Flags> => {
    const option = plain(flags, text);
    commonOptions.add(option);
    return option;
  };
  return Object.assign(plain, { common });
}

/** Marks an option whose value no record may have, or needs. */
export function unrecorded<Marked extends object>(option: Marked): Marked {
  unrecordedOptions.add(option);
  return option;
}

/** Gives a record another text than the one that was given, as an address without who logs in. */
export function recordedAs<Marked extends object>(option: Marked, shown: (value: string) => string): Marked {
  recordedTexts.set(option, shown);
  return option;
}

export function isCommon(option: object): boolean {
  return commonOptions.has(option);
}

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

export function wholeNumber(text: string): number {
  if (/^[0-9]{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError("it is a whole number from 1 on");
}

/** The options that every verb has. @returns What is said when the one for a dry run is given; none where a verb has its own. */
function addOptionsOfAll(command: CommandUnknownOpts, forms: readonly Form[]): string | undefined {
  const output = unrecorded(outputOption(forms)).helpGroup(headings.out);
  commonOptions.add(output);
  command.addOption(output);
  const flags = new Set(command.options.map(({ long }) => long));
  if (flags.has("--dry-run")) return undefined;
  const notice = flags.has("--confirm") ? "nothing is written without --confirm" : "this verb writes nothing";
  command.addOption(unrecorded(how("--dry-run", notice)));
  return notice;
}

function noticeOfDryRun(notice: string | undefined, { dryRun, confirm }: OptionValues): string | undefined {
  if (notice === undefined || dryRun !== true) return undefined;
  if (confirm !== true) return `--dry-run changes nothing here: ${notice}`;
  throw new UsageError("--dry-run and --confirm exclude each other", "leave one of them out");
}

/** Under what an old spelling of the argument `tree` is kept. */
const treeKey = "tree";

/** Puts a tree that is named by an old spelling among the arguments. @throws {UsageError} when one stands there already. */
function withOldTree(command: CommandUnknownOpts, given: readonly unknown[]): readonly unknown[] {
  const tree: unknown = command.getOptionValue(treeKey);
  if (tree === undefined) return given;
  const at = command.registeredArguments.findIndex((argument) => argument.name() === treeKey);
  const named = command.args[at];
  if (named === undefined) return given.with(at, tree);
  throw new UsageError(`the tree is named twice: ${named} and ${tree}`, "name it once");
}

/** Commands that were given an old spelling which goes before `--json`. */
const overJson = new WeakSet<object>();

function addOldSpellings(command: CommandUnknownOpts, old: OldSpellings): void {
  for (const [flags, meant] of Object.entries(old)) {
    const {
      now,
      wordOf: ownWord,
      isOverJson,
    }: OldSpelling = typeof meant === "string" ? { now: meant } : meant;
    const option = unrecorded(new Option(flags, `now ${now}`).hideHelp());
    if (now === "[tree]") {
      option.attributeName = () => treeKey;
      command.addOption(option);
      continue;
    }
    const [long = "", template = ""] = now.split(" ");
    const target = command.options.find((each) => each.long === long);
    if (target === undefined) throw new Error(`${flags}: there is no ${long}`);
    const placeholder = /<.+?>/.exec(flags)?.[0];
    const wordOf = (value: string): string => {
      if (ownWord !== undefined) return ownWord(value);
      return placeholder === undefined ? template : template.replace(placeholder, () => value);
    };
    option.attributeName = () => target.attributeName();
    if (placeholder === undefined && template !== "") option.preset(template);
    let own: unknown;
    option.argParser((value: string, previous: unknown) => {
      if (isOverJson) overJson.add(command);
      const word = wordOf(value);
      if (target.parseArg === undefined) return word;
      // What was given once and is given again replaces itself, as it always has.
      const others: unknown = Array.isArray(previous) ? previous.filter((each) => each !== own) : previous;
      const parsed: unknown = target.parseArg(word, others);
      own = Array.isArray(parsed) ? parsed.at(-1) : undefined;
      return parsed;
    });
    command.addOption(option);
  }
}

/** What a command was given, for a record of it and for a line that does it again. */
export interface GivenLine {
  readonly verb: string;
  /** The options that were given or stand by default, by their names. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** The arguments, and the options that were given, as they are written now; without those that no record has. */
  readonly words: readonly string[];
}

export function givenLineOf(command: CommandUnknownOpts): GivenLine {
  const options: Record<string, string | number | boolean> = {};
  const words: string[] = [...command.args];
  const seen = new Set<string>();
  for (const option of command.options) {
    const key = option.attributeName();
    const value: unknown = command.getOptionValue(key);
    if (unrecordedOptions.has(option) || seen.has(key) || value === undefined || value === option.negate)
      continue;
    seen.add(key);
    const shown = recordedTexts.get(option) ?? ((text: string): string => text);
    const texts = [value]
      .flat()
      .flatMap((each) => (typeof each === "string" || typeof each === "number" ? [shown(String(each))] : []));
    const name = (option.long ?? option.flags).replace(/^--/, "");
    if (typeof value === "number") options[name] = value;
    else if (texts.length > 0) options[name] = texts.join(",");
    else if (typeof value === "boolean") options[name] = true;
    if (command.getOptionValueSource(key) === "default") continue;
    if (texts.length > 0) words.push(...texts.flatMap((text) => [`--${name}`, text]));
    else if (typeof value === "boolean") words.push(`--${name}`);
  }
  return { verb: namesOf(command).slice(1).join(" "), options, words };
}
