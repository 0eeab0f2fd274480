import type { ReleaseTags } from "../release/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("<version>", "the version that is being cut, as its tag has it: v1.30.0, v1.30.0-rc.0")
    .addOption(
      how.common(
        "--profile <name>",
        "kubernetes-2021 (the default), kubernetes, project, or one of waybill.yaml",
      ),
    );

export const releaseTagsVerb = verb({
  name: "release-tags",
  summary: "say which tags a release promotes, and why",
  description: "say which tags are to be promoted when a version is cut, and why",
  examples: [
    ["waybill pr release-tags v1.19.0", "a stable version, and what goes with it"],
    ["waybill pr release-tags v1.30.0-rc.0 --profile kubernetes", "as Kubernetes does it today"],
  ],
  exits: { [exitCodes.nothingDone]: "no such version or profile" },
  page: "releases.md",
  define,
  run,
});

async function run(
  session: Session,
  version: string,
  { profile }: OptionsOf<typeof define>,
): Promise<ExitCode> {
  const { releaseTags } = await import("../release/index.ts");
  const { releases: profiles } = await session.settings();
  const found = releaseTags(version, { profiles, profile });
  await deliver(session, { text: (terminal) => printTags(terminal, found), json: () => asJson(found) });
  return exitCodes.asDesired;
}

async function printTags(terminal: Terminal, { sets }: ReleaseTags): Promise<void> {
  const isSplit = sets.length > 1;
  const rows = sets.flatMap((set, index) =>
    set.map(({ tag, reason }) => (isSplit ? [tag, String(index + 1), reason] : [tag, reason])),
  );
  const head = isSplit ? ["TAG", "PULL REQUEST", "WHY"] : ["TAG", "WHY"];
  terminal.print(formatTable(head, rows, terminal.columns));
}
