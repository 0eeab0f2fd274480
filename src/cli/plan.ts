import { type Command, Option } from "commander";
import type { ExitCode } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import { interruptible } from "./interruption.ts";
import { manifestsArgument, readForWork } from "./manifests.ts";
import { openProgress } from "./progress.ts";
import { openRegistriesFor } from "./registries.ts";
import { printReport, statusOf } from "./report.ts";
import { resultOpener } from "./result-file.ts";
import type { Act, Session } from "./session.ts";
import { addSinceOptions, readSince, type SinceOptions } from "./since.ts";

export function definePlan(program: Command, act: Act): void {
  const command = program
    .command("plan")
    .description("say what promote would do, and why")
    .argument("<manifests>", manifestsArgument)
    .addOption(new Option("--out <file>", "save the plan, to be reviewed and given to promote --plan"))
    .action(act(run));
  addSinceOptions(command);
  addExamples(command, [
    ["waybill plan registry.k8s.io", "see what is to be done"],
    ["waybill plan registry.k8s.io --since origin/main", "see what this branch asks for"],
    ["waybill plan registry.k8s.io --out plan.json", "save it for waybill promote --plan plan.json"],
  ]);
}

interface Options extends SinceOptions {
  readonly out?: string;
}

async function run(session: Session, path: string, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const { formatPlan, promote } = await import("../promotion/index.ts");
  const tree = await readForWork(path, terminal);
  const since = await readSince(tree, options, session);
  const writePlan = await resultOpener()(options.out);
  return interruptible(session, async (interruption) => {
    const { stop, cut } = interruption;
    const progress = await openProgress(terminal);
    const registries = await openRegistriesFor(session, { progress, ending: { stop, cut } });
    interruption.describe = progress.describe;
    progress.begin("Reading repositories");
    try {
      const { plan, report } = await promote({
        tree,
        ...(since === undefined ? {} : { since }),
        open: registries.repository,
        confirm: false,
        signal: stop,
        listener: progress.listener,
      });
      progress.end();
      if (terminal.json) for (const part of formatPlan(plan, report.causes)) terminal.write(part);
      else await printReport(terminal, report);
      await writePlan(formatPlan(plan, report.causes));
      return statusOf(report);
    } finally {
      progress.end();
      await registries.close();
    }
  });
}
