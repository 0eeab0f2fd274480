import type { NewStaging } from "../staging/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, collect, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("<name>", "its short name: lower case letters, digits and hyphens")
    .argument("[tree]", "folder of thin manifests", ".")
    .addOption(
      how.common("--destinations <set>", "where to: a set of waybill.yaml; needed when there are several"),
    )
    .addOption(
      how.common("--source <registry>", "the staging registry, when it is not the one that the set says"),
    )
    .addOption(
      how.common("--owner <login>", "who approves changes of the images; repeatable").argParser(collect),
    )
    .addOption(how.common("--dry-run", "print the files, and do not write them"));

export const newProject = verb({
  name: "new-project",
  summary: "make manifest, list of images and owners of a new project",
  description: "make the manifest, the empty list of images and the owners of a new project",
  examples: [
    ["waybill merge new-project apisnoop registry.k8s.io --owner hh --dry-run", "see what it would be"],
    ["waybill merge new-project tool --source ghcr.io/team/staging --destinations mirrors", "anywhere else"],
  ],
  exits: {
    [exitCodes.asDesired]: "the project was made",
    [exitCodes.nothingDone]: "refused; nothing was written",
    [exitCodes.notAsDesired]: "it was made, and check finds errors in it",
  },
  page: "managing-staging.md",
  define,
  old: { "--base-dir <path>": "[tree]" },
  run,
});

async function run(
  session: Session,
  name: string,
  directory: string,
  options: OptionsOf<typeof define>,
): Promise<ExitCode> {
  const { terminal } = session;
  const { destinations: set, source, owner: owners = [], dryRun = false } = options;
  const { newStaging } = await import("../staging/index.ts");
  const made = await newStaging({
    name,
    directory,
    sets: (await session.settings()).destinations,
    owners,
    dryRun,
    set,
    source,
  });
  for (const warning of made.warnings) terminal.warn(warning);
  await deliver(session, {
    text: (shown) => printText(shown, made, owners.length === 0),
    json: () => asJson({ format: "waybill-staging/1", ...made }),
  });
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
