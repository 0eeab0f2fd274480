import { oldBase, readSince, withBase } from "./base.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruption.ts";
import { readForWork, withTree } from "./manifests.ts";
import { deliver } from "./output.ts";
import { withProgress } from "./registries.ts";
import { printReport, statusOf } from "./report.ts";
import { selectionOf, withSelection } from "./selection.ts";
import { againWords, type Session } from "./session.ts";
import { signingFor } from "./signing.ts";
import { tellPolicies, trustFor } from "./trust.ts";
import { type Blank, type OptionsOf, out, unrecorded, verb } from "./verb.ts";

const define = (command: Blank) =>
  withBase(withSelection(withTree(command)))
    .addOption(
      unrecorded(out.common("--out <file>", "save the plan, to be reviewed and given to promote --plan")),
    )
    .addOption(
      unrecorded(out.common("--exit-code", `end with ${exitCodes.toDo} when there is something to do`)),
    );

export const plan = verb({
  name: "plan",
  summary: "say what promote would do, and why",
  examples: [
    ["waybill plan registry.k8s.io", "see what is to be done"],
    ["waybill plan registry.k8s.io --verbose", "every destination, not only the first of each image"],
    ["waybill plan registry.k8s.io --base origin/main", "see what this branch asks for"],
    ["waybill plan registry.k8s.io --project 'kops*' --tag 'semver:>=1.30'", "some projects, some versions"],
    ["waybill plan registry.k8s.io --out plan.json", "save it for waybill promote --plan plan.json"],
    ["waybill plan registry.k8s.io --exit-code", "for a script that promotes when there is something to do"],
  ],
  exits: {
    [exitCodes.asDesired]: "planned: with --exit-code, there is nothing to do",
    [exitCodes.notAsDesired]: "errors in manifests, or edges that conflict, overlap, are lost or unread",
    [exitCodes.toDo]: "with --exit-code: planned, and there is something to do",
  },
  page: "promote-what-changed.md",
  define,
  old: oldBase,
  run,
});

async function run(session: Session, path: string, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const { formatPlan, promote } = await import("../promotion/index.ts");
  const selection = await selectionOf(options);
  const tree = await readForWork(path, session, selection);
  await tellPolicies(session, tree);
  const since = await readSince(tree, options, session);
  const { out: file } = options;
  // What has gone to standard output or to a device cannot be read again.
  const saved = file === undefined || /^(?:-$|\/dev\/(?!shm\/))/.test(file) ? [] : ["--plan", file];
  const next = [...againWords(session), ...saved];
  const writePlan = await session.outputs.open(file);
  return interruptible(session, (interruption) =>
    withProgress(session, { title: "Reading repositories", interruption }, async (registries, progress) => {
      const { plan: planned, report } = await promote({
        tree,
        since,
        selection,
        signing: await signingFor(session, path),
        open: registries.repository,
        trust: await trustFor(session, tree, registries),
        confirm: false,
        signal: interruption.stop,
        listener: progress.listener,
      });
      progress.end();
      const content = () => formatPlan(planned, report.causes);
      await deliver(session, { text: (shown) => printReport(shown, report, next), json: content });
      await writePlan(content());
      const status = statusOf(report);
      const isWork = options.exitCode && report.work.length > 0;
      return isWork && status === exitCodes.asDesired ? exitCodes.toDo : status;
    }),
  );
}
