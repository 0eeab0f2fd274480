import { mkdir, mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { DemoStep } from "../demo/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { addExamples } from "./help.ts";
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

async function run({ terminal }: Session, { dir }: { readonly dir?: string }): Promise<ExitCode> {
  const { runDemo } = await import("../demo/index.ts");
  const folder = dir === undefined ? await mkdtemp(join(tmpdir(), "waybill-demo-")) : await emptyFolder(dir);
  const steps: DemoStep[] = [];
  const succeeded = await runDemo({
    folder,
    onStep: (step) => {
      steps.push(step);
      if (!terminal.json) printStep(terminal, steps.length, step);
    },
  });
  if (terminal.json) terminal.printJson({ format: "waybill-demo/1", folder, succeeded, steps });
  else terminal.print(`What it wrote is in ${folder}; the commands above work there, from any terminal.`);
  return succeeded ? exitCodes.asDesired : exitCodes.notAsDesired;
}

function printStep({ colours, print }: Terminal, number: number, { title, commands, lines }: DemoStep): void {
  print(colours.bold(`${number}. ${title}`));
  for (const command of commands) print(colours.cyan(`   $ ${command}`));
  for (const line of lines) print(`   ${line}`.trimEnd());
  print("");
}

async function emptyFolder(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  if ((await readdir(dir)).length === 0) return dir;
  throw new UsageError(`${dir} is not empty`, "name a folder that does not exist yet");
}
