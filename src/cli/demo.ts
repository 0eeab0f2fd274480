import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { DemoOutcome, DemoStep } from "../demo/index.ts";
import { makeFolder } from "../disk/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { addExamples } from "./help.ts";
import { shellLine } from "./incumbents/translate.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

export function defineDemo(program: Command, act: Act): void {
  const command = program
    .command("demo")
    .description("show a whole promotion on this machine, with two registries of its own")
    .addOption(new Option("--dir <dir>", "empty folder for what it writes; a temporary one when left out"))
    .action(act(run));
  addExamples(command, [["waybill demo", "see every step, and the commands to take it by hand"]]);
}

async function run(session: Session, { dir }: { readonly dir?: string }): Promise<ExitCode> {
  const { terminal } = session;
  const { runDemo } = await import("../demo/index.ts");
  const folder = dir === undefined ? await mkdtemp(join(tmpdir(), "waybill-demo-")) : await emptyFolder(dir);
  const steps: DemoStep[] = [];
  const succeeded = await runDemo({
    folder,
    run: (argv) => runLine(session, argv),
    onStep: (step) => {
      steps.push(step);
      if (!terminal.json) printStep(terminal, steps.length, step);
    },
  });
  if (terminal.json) terminal.printJson({ format: "waybill-demo/1", folder, succeeded, steps });
  else terminal.print(`What it wrote is in ${folder}; the commands above work there, from any terminal.`);
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
  await makeFolder(dir);
  if ((await readdir(dir)).length === 0) return dir;
  throw new UsageError(`${dir} is not empty`, "name a folder that does not exist yet");
}
