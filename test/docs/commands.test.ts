import type { CommandUnknownOpts as Command } from "@commander-js/extra-typings";
import { describe, expect, it } from "vitest";
import { translate } from "../../src/cli/incumbents/translate.ts";
import { oldVerbs } from "../../src/cli/verbs.ts";
import { commandsIn, faultsOf, inertProgram, oldWordsIn } from "./command-line.ts";
import { blocksOf, codeSpansOf, commandsOf, pages } from "./pages.ts";

const program = inertProgram();
const all = withChildren(program);

/** A command and everything below it. */
function withChildren(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}

/** The command that words lead to; what is no subcommand is its arguments. */
function commandAt(words: readonly string[]): Command | undefined {
  let command = program.commands.find((found) => found.name() === words[0]);
  for (const word of words.slice(1)) {
    const next = command?.commands.find((found) => found.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

function flagsOf(...commands: readonly Command[]): ReadonlySet<string> {
  return flagsAmongOptions([program, ...commands].flatMap(({ options }) => options));
}

function flagsAmongOptions(options: Command["options"]): ReadonlySet<string> {
  return new Set(["--help", "-h", ...options.flatMap(({ long, short }) => [long ?? "", short ?? ""])]);
}

/** Those that help shows; the others are spelled otherwise now. */
function shownFlagsOf(...commands: readonly Command[]): ReadonlySet<string> {
  return flagsAmongOptions(
    [program, ...commands].flatMap(({ options }) => options.filter(({ hidden }) => !hidden)),
  );
}

/** The flags among words, without their values. */
function flagsAmong(words: readonly string[]): readonly string[] {
  return words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split("=")[0] ?? "");
}

describe.each(pages)("%s", (page) => {
  it("shows command lines that the program takes", async () => {
    const shown = blocksOf(page).flatMap(commandsOf);
    const faults = await Promise.all(shown.map(({ line }) => faultsOf(line)));
    expect(faults.flat()).toEqual([]);
  });

  it.skipIf(page === "docs/old-spellings.md")("writes them as they are written today", () => {
    const lines = [
      ...blocksOf(page)
        .flatMap(commandsOf)
        .map(({ line }) => line),
      ...codeSpansOf(page),
    ];
    expect(lines.flatMap(oldWordsIn)).toEqual([]);
  });

  it("speaks of commands and flags that there are", () => {
    const wrong: string[] = [];
    for (const [first, ...words] of codeSpansOf(page).flatMap(commandsIn)) {
      if (first !== "waybill" || words.includes("kpromo") || words.includes("image-builder")) continue;
      const [verb = ""] = words;
      if (verb === "" || !/^[a-z]/.test(verb)) continue;
      const command = commandAt(words);
      if (command === undefined) wrong.push(`waybill ${verb}`);
      else {
        const flags = flagsOf(command, ...command.commands);
        wrong.push(
          ...flagsAmong(words)
            .filter((flag) => !flags.has(flag))
            .map((flag) => `${command.name()} ${flag}`),
        );
      }
    }
    expect(wrong).toEqual([]);
  });
});

/** Flags of the programs that Waybill stands in for, as their help names them, in both spellings. */
function flagsOfIncumbents(): readonly string[] {
  const helps = [
    translate("cip", ["--help"], {}),
    translate("cip-mm", ["--help"], {}),
    translate("image-builder", ["--help"], {}),
    ...["cip", "mm", "pr"].map((verb) => translate("kpromo", [verb, "--help"], {})),
  ].map((answer) => ("help" in answer ? answer.help : ""));
  const flags = helps.flatMap((help) => help.match(/--[a-z][\w-]*/g) ?? []);
  return flags.flatMap((flag) => [flag, `--${flag.slice(2).replaceAll("-", "_")}`]);
}

/** Flags of `docker build` and its kin, of which the page on engines says what becomes of them. */
const dockerFlags = "manifest cache-from cache-to builder squash iidfile memory output ssh secret platform"
  .split(" ")
  .map((name) => `--${name}`);

it("names no flag that nothing has", () => {
  const old = new Set<Command>(
    oldVerbs
      .flatMap(({ verb, above }) => commandAt(above === undefined ? [verb.name] : [above, verb.name]) ?? [])
      .flatMap(withChildren),
  );
  const known = new Set([
    ...shownFlagsOf(...all.filter((command) => !old.has(command))),
    ...flagsOfIncumbents(),
    ...dockerFlags,
  ]);
  const wrong = pages.flatMap((page) =>
    codeSpansOf(page)
      .filter((code) => /^--[a-z]/.test(code))
      .flatMap((code) => flagsAmong(code.split(/[\s`,]+/)))
      .filter((flag) => !known.has(flag))
      .map((flag) => `${page} ${flag}`),
  );
  expect([...new Set(wrong)]).toEqual([]);
});

it("has a line about every command on the first page", () => {
  const listed = codeSpansOf("README.md").flatMap(commandsIn);
  const shown = program.createHelp().visibleCommands(program);
  const names = shown.map((command) => command.name()).filter((name) => name !== "help");
  expect(
    names.filter((name) => !listed.some((words) => words[0] === "waybill" && words[1] === name)),
  ).toEqual([]);
});

it.each([
  ["waybill inspect", "missing required argument"],
  ["waybill plan tree --nope", "unknown option '--nope'"],
  ["true && waybill snapshoot REG | head", "unknown command 'snapshoot'"],
  ["cip -thin-manifest-dirr=x", "thin-manifest-dirr"],
  ["X=1 waybill kpromo cip --confirmed", "confirmed"],
])("finds what is wrong with: %s", async (line, fault) => {
  expect(await faultsOf(line)).toEqual([expect.stringContaining(fault)]);
});

it.each([
  ["waybill jobs run push-app && waybill runs start push-app", "waybill runs"],
  ["waybill promote tree --report=report.json --output junit", "waybill promote --report"],
  ["waybill review compare --markdown", "waybill review --markdown"],
  ["waybill kpromo cip --confirm", undefined],
])("finds what is written as it was once in: %s", (line, old) => {
  expect(oldWordsIn(line)).toEqual(old === undefined ? [] : [old]);
});
