import { type Command, Option } from "commander";
import type { NewStaging } from "../staging/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples, collect } from "./help.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  readonly baseDir: string;
  readonly destinations?: string;
  readonly source?: string;
  readonly owner?: readonly string[];
  readonly dryRun?: boolean;
}

export function defineStaging(program: Command, act: Act): void {
  const staging = program.command("staging").description("projects that stage images to be promoted");
  const create = staging
    .command("new")
    .description("make the manifest, the empty list of images and the owners of a new project")
    .argument("<name>", "its short name: lower case letters, digits and hyphens")
    .addOption(new Option("--base-dir <path>", "directory of thin manifests").default("."))
    .addOption(
      new Option("--destinations <set>", "where to: a set of waybill.yaml; needed when there are several"),
    )
    .addOption(
      new Option("--source <registry>", "the staging registry, when it is not the one that the set says"),
    )
    .addOption(
      new Option("--owner <login>", "who approves changes of the images; repeatable").argParser(collect),
    )
    .addOption(new Option("--dry-run", "print the files, and do not write them"))
    .action(act(run));
  const examples = [
    ["waybill staging new apisnoop --base-dir registry.k8s.io --owner hh --dry-run", "see what it would be"],
    ["waybill staging new tool --source ghcr.io/team/staging --destinations mirrors", "anywhere else"],
  ] as const;
  addExamples(staging, examples);
  addExamples(create, examples);
}

async function run(session: Session, name: string, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const { baseDir, destinations: set, source, owner: owners = [], dryRun = false } = options;
  const { newStaging } = await import("../staging/index.ts");
  const made = await newStaging({
    name,
    directory: baseDir,
    sets: (await session.settings()).destinations,
    owners,
    dryRun,
    set,
    source,
  });
  for (const warning of made.warnings) terminal.warn(warning);
  if (terminal.json) terminal.printJson({ format: "waybill-staging/1", ...made });
  else await printText(terminal, made, owners.length === 0);
  const isClean = made.diagnostics.every(({ severity }) => severity !== "error");
  return isClean ? exitCodes.asDesired : exitCodes.notAsDesired;
}

async function printText(terminal: Terminal, made: NewStaging, hasNoOwners: boolean): Promise<void> {
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  const { files, written, source, destinations, diagnostics } = made;
  for (const { path, text } of files) {
    terminal.print(written ? `wrote ${path}` : `--- ${path}`);
    if (!written) terminal.write(text);
  }
  for (const diagnostic of diagnostics) terminal.print(formatDiagnostic(diagnostic));
  const [first = "", ...others] = destinations;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  terminal.note(`from ${source} to ${first}${more}`);
  if (hasNoOwners) terminal.note("no OWNERS file: --owner says who approves changes of the images");
}
