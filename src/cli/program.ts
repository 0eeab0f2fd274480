import { Command, Option } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import type { Act } from "./session.ts";
import type { Surroundings } from "./terminal.ts";
import { verbs } from "./verbs.ts";

/** The whole tree of commands, with nothing loaded that only one of them needs. */
export function buildProgram(io: Surroundings, act: Act): Command {
  const program = new Command("waybill")
    .description("Promotes container images: copies exactly the digests that promoter manifests list.")
    .version(packageJson.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns || 110,
      getErrHelpWidth: () => io.stderr.columns || 110,
    })
    .exitOverride()
    .addOption(
      new Option(
        "--config <file>",
        "settings to use instead of $WAYBILL_CONFIG or ~/.config/waybill/waybill.yaml",
      ),
    )
    .addOption(new Option("--json", "print the result, and any error, as JSON"))
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
      new Option(
        "--grace <duration>",
        "how long what is under way may take to end when a signal stops the command",
      ).default("30s"),
    );
  for (const define of verbs) define(program, act);
  return program;
}
