import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DemoOutcome, DemoStep } from "../demo/index.ts";
import { diskFaultOf, makeFolder } from "../disk/index.ts";
import { shellLine } from "../errors/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .addOption(how.common("--dir <dir>", "empty folder for what it writes; a temporary one when left out"))
    .addOption(how.common("--dry-run", "say what it would do, and do nothing"));

export const demo = verb({
  name: "demo",
  summary: "show a whole promotion on this machine",
  description: "show a whole promotion on this machine, with two registries of its own",
  examples: [["waybill demo", "see every step, and the commands to take it by hand"]],
  exits: {
    [exitCodes.asDesired]: "all went as it should",
    [exitCodes.nothingDone]: "it could not begin",
    [exitCodes.notAsDesired]: "a step went wrong",
  },
  define,
  run,
});

async function run(session: Session, { dir, dryRun }: OptionsOf<typeof define>): Promise<ExitCode> {
  const { terminal } = session;
  if (dryRun) {
    terminal.note(
      `would make images and manifests in ${dir ?? "a temporary folder"}, serve two registries, and promote`,
    );
    return exitCodes.asDesired;
  }
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

function printStep({ colors, print }: Terminal, number: number, { title, commands }: DemoStep): void {
  print(colors.bold(`${number}. ${title}`));
  for (const { words, inBackground, output } of commands) {
    print(colors.cyan(`   $ ${shellLine(words)}${inBackground ? " &" : ""}`));
    for (const line of output) print(`   ${line}`.trimEnd());
  }
  print("");
}

/** Runs a command line in this process, as somebody without settings and credentials would. */
async function runLine({ run }: Session, argv: readonly string[]): Promise<DemoOutcome> {
  const written: string[] = [];
  const stream = { write: (text: string | Uint8Array) => written.push(Buffer.from(text).toString()) };
  const status = await run(argv, { stdout: stream, stderr: stream, env: { WAYBILL_CONFIG: "/dev/null" } });
  return { status, output: written.join("").trimEnd().split("\n") };
}

async function emptyFolder(dir: string): Promise<string> {
  const hint = "name a folder that does not exist yet";
  const held = await makeFolder(dir)
    .then(() => readdir(dir))
    .catch((cause: unknown) => {
      throw new UsageError(`${dir} cannot be made a folder: ${diskFaultOf(cause).message}`, hint);
    });
  if (held.length === 0) return dir;
  throw new UsageError(`${dir} is not empty`, hint);
}
