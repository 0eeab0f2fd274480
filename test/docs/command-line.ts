import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { translate } from "../../src/cli/incumbents/translate.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { settleAll } from "../../src/cli/verb.ts";
import { oldVerbs } from "../../src/cli/verbs.ts";

const silent = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };

/** The tree of commands, with verbs that do nothing. */
export function inertProgram(): CommandUnknownOpts {
  return settleAll(buildProgram(silent, async () => {}));
}

/**
 * What is wrong with a command line of a shell, as the program's own parser sees it: its words, whatever stands behind
 * pipes, `&&` and the like among them. Lines of other programs are right.
 */
export async function faultsOf(line: string): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const words of commandsIn(line)) {
    const [program = "", ...argv] = words;
    try {
      if (program === "waybill") await parseWaybill(argv);
      else if (program === "cip" || program === "cip-mm") await parseIncumbent(program, argv);
    } catch (thrown) {
      if (!isHelp(thrown))
        faults.push(`${words.join(" ")}: ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }
  return faults;
}

/** What of a command line is written as it was once: verbs and flags that work, and that nothing shows any more. */
export function oldWordsIn(line: string): readonly string[] {
  return commandsIn(line).flatMap(([program, ...words]) => {
    const [verb] = words;
    if (program !== "waybill" || verb === "kpromo" || verb === "image-builder") return [];
    const isOld = oldVerbs.some(({ verb: { name }, above }) =>
      above === undefined ? name === verb : above === verb && name === words[1],
    );
    const old = isOld ? [`waybill ${verb}`] : [];
    let command = inertProgram();
    for (const word of words) {
      const [flag] = word.split("=");
      command = command.commands.find((each) => each.name() === word) ?? command;
      const option = command.options.find(({ long, short }) => flag === long || flag === short);
      if (option?.hidden) old.push(`waybill ${verb} ${flag}`);
    }
    return old;
  });
}

/** The simple commands of a line, each as its words, without assignments before it. */
export function commandsIn(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  const tokens = line.matchAll(
    /(\s+#.*$)|(\|\||&&|[;|&()]|\d?>{1,2}&?\S*|<{1,3})|((?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"';|&<>()\\])+)/g,
  );
  for (const [, comment, operator, word] of tokens) {
    if (comment !== undefined) break;
    if (operator !== undefined) commands.push([]);
    else if (word !== undefined) commands.at(-1)?.push(withoutQuotes(word));
  }
  return commands
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter(([first]) => first !== undefined);
}

function withoutQuotes(word: string): string {
  return word.replaceAll(
    /"((?:\\.|[^"])*)"|'([^']*)'|\\(.)/g,
    (_, double, single, plain) => double ?? single ?? plain,
  );
}

async function parseWaybill(argv: readonly string[]): Promise<void> {
  const [verb, ...rest] = argv;
  if (verb === "kpromo" || verb === "image-builder") return parseIncumbent(verb, rest);
  await inertProgram().parseAsync([...argv], { from: "user" });
}

async function parseIncumbent(
  program: Parameters<typeof translate>[0],
  argv: readonly string[],
): Promise<void> {
  // "…" stands for whatever else a line has.
  if (argv.includes("…")) return;
  const translation = translate(program, argv, {});
  if ("command" in translation) await parseWaybill(translation.command);
}

function isHelp(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    "code" in thrown &&
    /^commander\.(helpDisplayed|help|version)$/.test(String(thrown.code))
  );
}
