import { type Command, Option } from "commander";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { CheckResult } from "../edges/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import { manifestsArgument } from "./manifests.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  readonly format?: "text" | "json" | "sarif";
  readonly sarif?: boolean;
}

export function defineCheck(program: Command, act: Act): void {
  const command = program
    .command("check")
    .description("check promoter manifests, offline, and print all that is wrong")
    .argument("<manifests>", manifestsArgument)
    .addOption(new Option("--format <format>", "how to print").choices(["text", "json", "sarif"]))
    .addOption(new Option("--sarif", "the same as --format sarif").conflicts("format"))
    .action(act(run));
  addExamples(command, [
    ["waybill check registry.k8s.io", "check a tree of manifests"],
    ["waybill check registry.k8s.io --sarif > waybill.sarif", "for a code host, which shows it at the lines"],
  ]);
}

async function run({ terminal }: Session, path: string, options: Options): Promise<ExitCode> {
  const { checkManifests } = await import("../edges/index.ts");
  const { diagnosticCodes } = await import("../manifest/index.ts");
  const { toSarif } = await import("../diagnostics/index.ts");
  const result = await checkManifests(path);
  const format = options.sarif ? "sarif" : (options.format ?? (terminal.json ? "json" : "text"));
  if (format === "sarif") terminal.printJson(toSarif(result.diagnostics, diagnosticCodes));
  else if (format === "json") terminal.printJson({ format: "waybill-check/1", ...result });
  else await printText(terminal, result);
  const isClean = result.diagnostics.every(({ severity }) => severity !== "error");
  return isClean ? exitCodes.asDesired : exitCodes.nothingDone;
}

async function printText(terminal: Terminal, { diagnostics, counts }: CheckResult): Promise<void> {
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  const { colors } = terminal;
  const paint = { error: colors.red, warning: colors.yellow, info: colors.cyan };
  for (const diagnostic of diagnostics)
    terminal.print(formatDiagnostic(diagnostic, paint[diagnostic.severity]));
  const found = (severity: Diagnostic["severity"]): number =>
    diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
  terminal.print(
    `${amount(counts.projects, "project")}, ${amount(counts.images, "image")}, ` +
      `${amount(counts.digests, "digest")}, ${amount(counts.edges, "edge")}: ` +
      `${amount(found("error"), "error")}, ${amount(found("warning"), "warning")}, ${amount(found("info"), "note")}`,
  );
}
