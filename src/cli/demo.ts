import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DemoOutcome, DemoStep } from "../demo/index.ts";
import { demoServe } from "./demo-serve.ts";
import { emptyFolder, printStep } from "./demo-steps.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .addOption(how.common("--dir <dir>", "empty folder for what it writes; a temporary one when left out"))
    .addOption(how.common("--serve", "show it with a server and its pages, from a pushed tag to production"))
    .addOption(how("--open", "the same, and open its page in a browser").implies({ serve: true }))
    .addOption(how.common("--dry-run", "say what it would do, and do nothing"));

export const demo = verb({
  name: "demo",
  summary: "show a whole promotion on this machine",
  description: "show a whole promotion on this machine, with registries of its own",
  examples: [
    ["waybill demo", "see every step, and the commands to take it by hand"],
    ["waybill demo --serve", "see it done by a server, and let it go on by a page in your browser"],
  ],
  exits: {
    [exitCodes.asDesired]: "all went as it should",
    [exitCodes.nothingDone]: "it could not begin",
    [exitCodes.notAsDesired]: "a step went wrong",
  },
  page: "demo.md",
  define,
  run,
});

async function run(
  session: Session,
  { dir, dryRun, serve, open }: OptionsOf<typeof define>,
): Promise<ExitCode> {
  const { terminal } = session;
  if (dryRun) {
    const what = serve ? "four registries, a forge and a server" : "two registries";
    terminal.note(
      `would make images and manifests in ${dir ?? "a temporary folder"}, serve ${what}, and promote`,
    );
    return exitCodes.asDesired;
  }
  if (serve) return demoServe(session, { dir, open });
  const { runDemo } = await import("../demo/index.ts");
  const folder = dir === undefined ? await mkdtemp(join(tmpdir(), "waybill-demo-")) : await emptyFolder(dir);
  const steps: DemoStep[] = [];
  const succeeded = await runDemo({
    folder,
    run: (argv) => runLine(session, argv),
    onStep: (step) => {
      steps.push(step);
      if (session.outputs.printed === "text") printStep(terminal, steps.length, step);
    },
  });
  const rest = `What it wrote is in ${folder}; the commands above work there, from any terminal.`;
  await deliver(session, {
    text: (shown) => shown.print(rest),
    json: () => asJson({ format: "waybill-demo/1", folder, succeeded, steps }),
  });
  return succeeded ? exitCodes.asDesired : exitCodes.notAsDesired;
}

/** Runs a command line in this process, as somebody without settings and credentials would. */
async function runLine({ run }: Session, argv: readonly string[]): Promise<DemoOutcome> {
  const written: string[] = [];
  const stream = { write: (text: string | Uint8Array) => written.push(Buffer.from(text).toString()) };
  const status = await run(argv, { stdout: stream, stderr: stream, env: { WAYBILL_CONFIG: "/dev/null" } });
  return { status, output: written.join("").trimEnd().split("\n") };
}
