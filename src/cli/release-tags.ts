import { type Command, Option } from "commander";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import type { Act, Session } from "./session.ts";
import { formatTable } from "./table.ts";

interface Options {
  readonly profile?: string;
}

export function defineReleaseTags(program: Command, act: Act): void {
  const command = program
    .command("release-tags")
    .description("say which tags are to be promoted when a version is cut, and why")
    .argument("<version>", "the version that is being cut, as its tag has it: v1.30.0, v1.30.0-rc.0")
    .addOption(
      new Option(
        "--profile <name>",
        "kubernetes-2021 (the default), kubernetes, project, or one of waybill.yaml",
      ),
    )
    .action(act(run));
  addExamples(command, [
    ["waybill release-tags v1.19.0", "a stable version, and what goes with it"],
    ["waybill release-tags v1.30.0-rc.0 --profile kubernetes", "as Kubernetes does it today"],
  ]);
}

async function run(session: Session, version: string, { profile }: Options): Promise<ExitCode> {
  const { releaseTags } = await import("../release/index.ts");
  const { releases: profiles } = await session.settings();
  const found = releaseTags(version, { profiles, profile });
  const { terminal } = session;
  if (terminal.json) terminal.printJson(found);
  else {
    const isSplit = found.sets.length > 1;
    const rows = found.sets.flatMap((set, index) =>
      set.map(({ tag, reason }) => (isSplit ? [tag, String(index + 1), reason] : [tag, reason])),
    );
    terminal.print(await formatTable(isSplit ? ["TAG", "PULL REQUEST", "WHY"] : ["TAG", "WHY"], rows));
  }
  return exitCodes.asDesired;
}
