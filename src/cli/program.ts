import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import packageJson from "../../package.json" with { type: "json" };
import { formatHelp } from "./help.ts";
import type { Surroundings } from "./terminal.ts";
import { type Act, readHelpWord, settle } from "./verb.ts";
import { alsoAtTop, firstSteps, groups, incumbents, oldVerbs, unseen } from "./verbs.ts";

/**
 * The whole tree of commands, with nothing loaded that only one of them needs, and the options of each defined when the
 * parser comes to it; `settleAll` defines all of them.
 * @param isBrief Whether the help that is asked for is the short one.
 */
export function buildProgram(io: Surroundings, act: Act, isBrief = false): CommandUnknownOpts {
  const shown = groups.map(({ heading, verbs }) => ({ heading, names: verbs.map(({ name }) => name) }));
  const program = new Command("waybill")
    .description("Promotes container images: copies exactly the digests that manifests list.")
    .version(packageJson.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "-h shows what is used most, --help everything")
    .helpCommand("help [command]", "show the whole help of a command")
    .configureHelp({
      showGlobalOptions: true,
      formatHelp: (command, help) =>
        formatHelp(command as CommandUnknownOpts, help, { groups: shown, isBrief }),
    })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns || 80,
      getErrHelpWidth: () => io.stderr.columns || 80,
    })
    .showSuggestionAfterError(false)
    .exitOverride()
    .hook("preSubcommand", (_, found) => settle(found))
    .addOption(
      new Option("--config <file>", "settings, not $WAYBILL_CONFIG or ~/.config/waybill/waybill.yaml"),
    )
    .addOption(new Option("--json", "print the result, and any error, as JSON; as --output json does"))
    .addOption(new Option("--quiet", "print results, warnings and errors only"))
    .addOption(
      new Option("--verbose", "print every step and request, and where an error came from").conflicts(
        "quiet",
      ),
    )
    .addOption(
      new Option("--trace", "the same, with the headers of every request; no secret is shown")
        .implies({ verbose: true })
        .conflicts("quiet"),
    )
    .addOption(new Option("--no-color", "print without colors"))
    .addOption(
      new Option("--grace <duration>", "time for what is under way to end, when a signal stops it").default(
        "30s",
      ),
    );
  handOn(program);
  readHelpWord(program, true);
  for (const verb of [...groups.flatMap(({ verbs }) => verbs), ...firstSteps]) verb.defineIn(program, act);
  const hidden = [
    ...alsoAtTop,
    ...unseen,
    ...oldVerbs.flatMap(({ verb, above }) => (above === undefined ? [verb] : [])),
    ...incumbents,
  ];
  for (const verb of hidden) verb.defineIn(program, act, { isHidden: true });
  return program;
}

/**
 * Lets a verb that stands in another have its own options: the parser would give those behind it to the one above, because it
 * takes the words that are no options first.
 */
function handOn(program: CommandUnknownOpts): void {
  const parse = program.parseOptions.bind(program);
  program.parseOptions = (args) => {
    const { operands, unknown } = parse(args);
    const [verb, ...words] = operands;
    if (verb === undefined || verb === "help") return { operands, unknown };
    const literal = args.indexOf("--");
    const count = literal < 0 || unknown.includes("--") ? 0 : args.length - literal - 1;
    const named = words.slice(0, words.length - count);
    const behind = count === 0 ? [] : ["--", ...words.slice(named.length)];
    return { operands: [verb], unknown: [...named, ...behind, ...unknown] };
  };
}
