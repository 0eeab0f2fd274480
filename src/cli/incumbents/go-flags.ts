import { closest, distance } from "fastest-levenshtein";
import { UsageError } from "../failure.ts";

/** A retired command line in Waybill's words: the line to run, and what to say before. */
export interface Translation {
  /** Words for `waybill`, without its name. */
  readonly command: readonly string[];
  readonly notices: readonly string[];
}

/** Nothing to run: help was asked for. */
export interface Help {
  readonly help: string;
}

/** A flag as the retired program declared it. */
export interface Flag {
  /**
   * A switch takes a value only with `=`; every other flag also takes the next word. A list may be given several
   * times, and several values at a time with commas between them.
   */
  readonly kind: "switch" | "text" | "number" | "list";
  readonly short?: string;
  readonly means: string;
  /** Set when the flag means nothing here: what is said instead of doing something. */
  readonly instead?: string;
}

/** A command line taken apart. Names are as the table has them, with dashes. */
export interface FlagValues {
  readonly texts: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly switches: ReadonlyMap<string, boolean>;
  /** What stood between and after the flags. */
  readonly words: readonly string[];
  /** What has to be said about flags that were given and mean nothing here. */
  readonly notices: readonly string[];
}

/** How help is asked for, where `-h` is a flag of its own. */
export const helpFlags = {
  help: { kind: "switch", means: "show this help" },
  h: { kind: "switch", means: "show this help" },
} as const satisfies Readonly<Record<string, Flag>>;

const truths: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true])),
  ...Object.fromEntries(["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false])),
};

/**
 * Reads a command line as Go's `flag` package does, with what its successor `pflag` adds: one dash or two, `-x=y` or
 * `-x y`, switches with the boolean words of `strconv.ParseBool`, `--` ends the flags, the last of several wins.
 * Underscores and dashes in names are the same.
 * @throws {UsageError} for unknown flags and bad values.
 */
export function readGoFlags(line: readonly string[], flags: Readonly<Record<string, Flag>>): FlagValues {
  const texts = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();
  const longNames = new Map(Object.entries(flags).map(([name, { short = name }]) => [short, name]));
  const switches = new Map<string, boolean>();
  const words: string[] = [];
  const notices = new Set<string>();
  for (let index = 0; index < line.length; index += 1) {
    const word = line[index] ?? "";
    if (word === "--") {
      words.push(...line.slice(index + 1));
      break;
    }
    const match = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(word);
    if (match === null) {
      if (word.startsWith("-") && word !== "-") throw new UsageError(`bad flag syntax: ${word}`);
      words.push(word);
      continue;
    }
    const given = (match[1] ?? "").replaceAll("_", "-");
    const name = flags[given] === undefined ? (longNames.get(given) ?? given) : given;
    const flag = flags[name];
    if (flag === undefined) throw unknownFlag(word, name, Object.keys(flags));
    if (flag.instead !== undefined) notices.add(`--${name} means nothing here: ${flag.instead}`);
    if (flag.kind === "switch") {
      switches.set(name, readSwitch(name, match[2]));
      continue;
    }
    const text = match[2] ?? line[++index];
    if (text === undefined) throw new UsageError(`flag needs an argument: --${name}`);
    if (flag.kind === "number" && !/^-?\d+$/.test(text)) throw badValue(text, name, "a number");
    if (flag.kind === "list") {
      const values = text.split(",").filter((value) => value !== "");
      lists.set(name, [...(lists.get(name) ?? []), ...values]);
    } else texts.set(name, text);
  }
  return { texts, lists, switches, words, notices: [...notices] };
}

function readSwitch(name: string, text: string | undefined): boolean {
  if (text === undefined) return true;
  const value = truths[text];
  if (value === undefined) throw badValue(text, name, "true or false");
  return value;
}

function badValue(text: string, name: string, wanted: string): UsageError {
  return new UsageError(`invalid value ${JSON.stringify(text)} for --${name}: it takes ${wanted}`);
}

function unknownFlag(word: string, name: string, names: readonly string[]): UsageError {
  const nearest = closest(name, names);
  const near = distance(name, nearest) <= Math.max(2, name.length / 3);
  const [flag] = word.split("=", 1);
  return new UsageError(`unknown flag: ${flag}`, near ? `did you mean --${nearest}?` : undefined);
}

/** The help of a program that runs as something else: what that is, and its flags. */
export function helpOf(program: string, runsAs: string, flags: Readonly<Record<string, Flag>>): string {
  const width = Math.max(...Object.keys(flags).map((name) => name.length));
  const lines = Object.entries(flags).map(([name, { means, instead }]) => {
    const rest = instead === undefined ? "" : ` (means nothing here: ${instead})`;
    return `  --${name.padEnd(width)}  ${means}${rest}`;
  });
  return [`Usage: ${program} [flags]`, "", `Runs as ${runsAs}.`, "", "Flags:", ...lines].join("\n");
}
