import type { Argument, CommandUnknownOpts as Command, Option } from "@commander-js/extra-typings";

export type Shell = "bash" | "zsh" | "fish";

/** Something that may come next: a subcommand, an option or a fixed value, with what it means. */
interface Word {
  readonly text: string;
  readonly means: string;
}

/** What can follow at one place of the tree of commands. */
interface Place {
  /** Subcommands that lead here, such as `["registry", "serve"]`. */
  readonly path: readonly string[];
  readonly words: readonly Word[];
  /** Options that take the next word, with the values it may have; none when it may be a file. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** A script that completes the commands, options and fixed values of a program in a shell. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, []);
  switch (shell) {
    case "bash":
      return bashScript(program.name(), places);
    case "zsh":
      return zshScript(program.name(), places);
    case "fish":
      return fishScript(program.name(), places);
  }
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  const subcommands = help.visibleCommands(command).map((sub): Word => {
    return { text: sub.name(), means: help.subcommandDescription(sub) };
  });
  const choices = command.registeredArguments.flatMap((argument: Argument): Word[] =>
    (argument.argChoices ?? []).map((text) => ({ text, means: argument.description })),
  );
  const words = [...subcommands, ...choices, ...options.flatMap(wordsOf)];
  const values = new Map(
    options
      .filter(({ required, optional }) => required || optional)
      .flatMap((option) => wordsOf(option).map(({ text }) => [text, option.argChoices ?? []] as const)),
  );
  const below = command.commands.flatMap((sub) => placesOf(sub, [...path, sub.name()]));
  return [{ path, words, values }, ...below];
}

function wordsOf({ short, long, description }: Option): Word[] {
  return [long, short].flatMap((text) => (text === undefined ? [] : [{ text, means: description }]));
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The shell code, for bash and zsh, that finds out at which place the cursor is: `place` and `previous`. */
function findPlace(places: readonly Place[]): string[] {
  const known = places.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(" ")));
  return [
    "  local place='' word index",
    "  for ((index = first; index < current; index++)); do",
    `    word="$place\${place:+ }\${words[index]}"`,
    `    case "$word" in ${known.join("|")}) place="$word" ;; esac`,
    "  done",
  ];
}

function bashScript(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, values }) => [
    `    ${quote(path.join(" "))})`,
    ...valueCases(values, (choices) =>
      choices.length === 0
        ? 'COMPREPLY=($(compgen -f -- "$typed")); return'
        : `COMPREPLY=($(compgen -W ${quote(choices.join(" "))} -- "$typed")); return`,
    ),
    `      COMPREPLY=($(compgen -W ${quote(words.map(({ text }) => text).join(" "))} -- "$typed")) ;;`,
  ]);
  return [
    `# bash completion for ${name}`,
    `_${name}() {`,
    `  local first=1 current=$COMP_CWORD words=("\${COMP_WORDS[@]}")`,
    `  local typed="\${words[current]}" previous="\${words[current-1]}"`,
    ...findPlace(places),
    '  case "$place" in',
    ...lines,
    "  esac",
    `  [[ \${#COMPREPLY[@]} -gt 0 || "$typed" == -* ]] || COMPREPLY=($(compgen -f -- "$typed"))`,
    "}",
    `complete -o filenames -F _${name} ${name}`,
    "",
  ].join("\n");
}

function zshScript(name: string, places: readonly Place[]): string {
  const described = ({ text, means }: Word): string => quote(`${text.replaceAll(":", "\\:")}:${means}`);
  const lines = places.flatMap(({ path, words, values }) => [
    `    ${quote(path.join(" "))})`,
    ...valueCases(values, (choices) =>
      choices.length === 0 ? "_files; return" : `compadd -- ${choices.map(quote).join(" ")}; return`,
    ),
    `      options=(${words.map(described).join(" ")}) ;;`,
  ]);
  return [
    `#compdef ${name}`,
    `_${name}() {`,
    `  local first=2 current=$CURRENT previous="\${words[CURRENT-1]}" options`,
    ...findPlace(places),
    '  case "$place" in',
    ...lines,
    "  esac",
    `  _describe ${quote(name)} options`,
    `  [[ "\${words[CURRENT]}" == -* ]] || _files`,
    "}",
    `compdef _${name} ${name}`,
    "",
  ].join("\n");
}

/** A `case` over the word before the cursor, for options that take the next word. */
function valueCases(values: Place["values"], complete: (choices: readonly string[]) => string): string[] {
  if (values.size === 0) return [];
  const cases = [...values].map(([option, choices]) => `        ${option}) ${complete(choices)} ;;`);
  return ['      case "$previous" in', ...cases, "      esac"];
}

function fishScript(name: string, places: readonly Place[]): string {
  const known = places.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(" ")));
  const lines = places.flatMap(({ path, words, values }) => {
    const here = `complete -c ${name} -n '__${name}_at ${quote(path.join(" ")).replaceAll("'", '"')}'`;
    return words.map(({ text, means }) => {
      const choices = values.get(text);
      const value =
        choices === undefined ? "" : choices.length === 0 ? " -r" : ` -x -a ${quote(choices.join(" "))}`;
      const flag = /^--(.+)$/.exec(text)?.[1];
      const letter = /^-(\w)$/.exec(text)?.[1];
      if (flag !== undefined) return `${here} -l ${flag}${value} -d ${quote(means)}`;
      if (letter !== undefined) return `${here} -s ${letter}${value} -d ${quote(means)}`;
      return `${here} -a ${text} -d ${quote(means)}`;
    });
  });
  return [
    `# fish completion for ${name}`,
    `function __${name}_at`,
    "  set -l place",
    "  set -l words (commandline -opc)",
    "  for word in $words[2..]",
    '    set -l longer (string join -- " " $place $word)',
    `    if contains -- $longer ${known.join(" ")}`,
    "      set place $longer",
    "    end",
    "  end",
    '  test "$place" = "$argv[1]"',
    "end",
    ...lines,
    "",
  ].join("\n");
}
