/** A flag of a command line in the grammar of Go's pflag, which `docker` reads by. */
export interface DockerFlag {
  readonly short?: string;
  /** Whether a value follows; an optional one only behind `=`. */
  readonly takes: "value" | "switch" | "optional";
}

/** Flags by their long names, without dashes. */
export type FlagTable = Readonly<Record<string, DockerFlag>>;

export interface ReadFlags {
  /** Values by long name, in their order; a switch says `true` or `false`. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly words: readonly string[];
}

/** Why a step is no plain docker command: part of a sentence, for people. */
export interface NoDockerCommand {
  readonly reason: string;
}

const truths: ReadonlyMap<string, string> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, "true"] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, "false"] as const),
]);

/**
 * Reads flags in every spelling that pflag takes: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`,
 * switches in one word (`-qt value`), and `--` before words that only look like flags. Words may stand between them.
 */
export function readFlags(args: readonly string[], table: FlagTable): ReadFlags | NoDockerCommand {
  const byShort = new Map(
    Object.entries(table).flatMap(([name, { short }]) =>
      short === undefined ? [] : [[short, name] as const],
    ),
  );
  const values = new Map<string, string[]>();
  const words: string[] = [];
  let at = 0;

  /** Takes a value for a flag; `glued` is what the same word has for it. A fault is text. */
  const take = (name: string, written: string, glued: string | undefined): string | undefined => {
    const flag = table[name];
    if (flag === undefined) return `${written} is not understood here`;
    let value = glued;
    if (flag.takes === "value") {
      value ??= args[at++];
      if (value === undefined) return `${written} needs a value`;
    } else if (flag.takes === "switch") {
      const truth = truths.get(value ?? "true");
      if (truth === undefined) return `${written} is a switch, which "${value}" does not set`;
      value = truth;
    }
    values.set(name, [...(values.get(name) ?? []), value ?? "true"]);
    return undefined;
  };

  /** Short flags in one word: switches, of which the last may be a flag with a value. */
  const takeCluster = (letters: string): string | undefined => {
    for (const [index, letter] of [...letters].entries()) {
      const name = byShort.get(letter);
      if (name === undefined) return `-${letter} is not understood here`;
      const rest = [...letters].slice(index + 1).join("");
      const behindEquals = rest.startsWith("=") ? rest.slice(1) : undefined;
      if (table[name]?.takes === "value")
        return take(name, `-${letter}`, behindEquals ?? (rest || undefined));
      const fault = take(name, `-${letter}`, behindEquals);
      if (fault !== undefined || behindEquals !== undefined) return fault;
    }
    return undefined;
  };

  while (at < args.length) {
    const word = args[at++] ?? "";
    if (word === "--") {
      words.push(...args.slice(at));
      break;
    }
    let fault: string | undefined;
    if (word.startsWith("--")) {
      const [, name = "", value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
      fault = Object.hasOwn(table, name)
        ? take(name, `--${name}`, value)
        : `--${name} is not understood here`;
    } else if (word.startsWith("-") && word.length > 1) fault = takeCluster(word.slice(1));
    else words.push(word);
    if (fault !== undefined) return { reason: fault };
  }
  return { values, words };
}
