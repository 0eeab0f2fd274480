import type { Command } from "commander";
import type { Cause } from "../errors/index.ts";
import type { Verification } from "../promotion/index.ts";
import { amount } from "./amount.ts";
import { printCauses } from "./causes.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import { interruptible } from "./interruption.ts";
import { manifestsArgument, readForWork } from "./manifests.ts";
import { openProgress } from "./progress.ts";
import { openRegistriesFor } from "./registries.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

export function defineVerify(program: Command, act: Act): void {
  const command = program
    .command("verify")
    .description("check that production holds every listed image, complete and tagged")
    .argument("<manifests>", manifestsArgument)
    .action(act(run));
  addExamples(command, [["waybill verify registry.k8s.io", "after a promotion, or any day"]]);
}

async function run(session: Session, path: string): Promise<ExitCode> {
  const { terminal } = session;
  const { causesOfFindings, verifyProduction } = await import("../promotion/index.ts");
  const tree = await readForWork(path, terminal);
  return interruptible(session, async (interruption) => {
    const { stop, cut } = interruption;
    const progress = await openProgress(terminal);
    const registries = await openRegistriesFor(session, { progress, ending: { stop, cut } });
    interruption.describe = progress.describe;
    progress.begin("Verifying repositories");
    try {
      const { manifests, diagnostics } = tree;
      const open = registries.repository;
      const verification = await verifyProduction({ manifests, open, onProgress: progress.at, signal: stop });
      progress.end();
      const causes = causesOfFindings(verification.findings, terminal.verbose && !terminal.json);
      if (terminal.json) terminal.printJson({ ...verification, causes });
      else printVerification(terminal, verification, causes);
      if (verification.interrupted) return exitCodes.interrupted;
      const sound = diagnostics.every(({ severity }) => severity !== "error");
      return sound && verification.findings.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
    } finally {
      progress.end();
      await registries.close();
    }
  });
}

function printVerification(
  terminal: Terminal,
  { findings, repositories, images, tags, blobs }: Verification,
  causes: readonly Cause[],
): void {
  printCauses(terminal, causes, "finding");
  const found = findings.length === 0 ? "all as listed" : amount(findings.length, "finding");
  const seen = [amount(repositories, "repository"), amount(images, "image"), amount(tags, "tag")];
  terminal.print(`${found} (${seen.join(", ")}, ${amount(blobs, "blob")})`);
}
