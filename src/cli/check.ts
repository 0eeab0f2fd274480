import { type Command, Option } from "commander";
import type { FileCheck, FileKind } from "../check/index.ts";
import type { Severity } from "../diagnostics/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  readonly format?: "text" | "json" | "sarif";
  readonly sarif?: boolean;
}

export function defineCheck(program: Command, act: Act): void {
  const command = program
    .command("check")
    .description("check promoter manifests, or a file of another kind, offline, and print all that is wrong")
    .argument(
      "<path>",
      "directory of thin manifests, or one file: a plain manifest, waybill.yaml, jobs, a Cloud Build file, variants.yaml, OWNERS",
    )
    .addOption(new Option("--format <format>", "how to print").choices(["text", "json", "sarif"]))
    .addOption(new Option("--sarif", "the same as --format sarif").conflicts("format"))
    .action(act(run));
  addExamples(command, [
    ["waybill check registry.k8s.io", "check a tree of manifests"],
    ["waybill check registry.k8s.io --sarif > waybill.sarif", "for a code host, which shows it at the lines"],
    ["waybill check images/foo/cloudbuild.yaml", "a Cloud Build file, known by its name or its steps"],
  ]);
}

async function run({ terminal }: Session, path: string, options: Options): Promise<ExitCode> {
  const { checkFile } = await import("../check/index.ts");
  const checked = await checkFile(path);
  const { kind, diagnostics, codes, manifests } = checked;
  const format = options.sarif ? "sarif" : (options.format ?? (terminal.json ? "json" : "text"));
  if (format === "sarif") {
    const { toSarif } = await import("../diagnostics/index.ts");
    terminal.printJson(toSarif(diagnostics, codes));
  } else if (format === "json") {
    const found = manifests ?? { path: checked.path, diagnostics };
    terminal.printJson({ format: "waybill-check/1", kind, ...found });
  } else await printText(terminal, checked);
  const isClean = diagnostics.every(({ severity }) => severity !== "error");
  return isClean ? exitCodes.asDesired : exitCodes.nothingDone;
}

async function printText(terminal: Terminal, checked: FileCheck): Promise<void> {
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  const { diagnostics } = checked;
  const { colors } = terminal;
  const paint = { error: colors.red, warning: colors.yellow, info: colors.cyan };
  for (const diagnostic of diagnostics)
    terminal.print(formatDiagnostic(diagnostic, paint[diagnostic.severity]));
  const found = (severity: Severity): number =>
    diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
  terminal.print(
    `${contents(checked)}: ` +
      `${amount(found("error"), "error")}, ${amount(found("warning"), "warning")}, ${amount(found("info"), "note")}`,
  );
}

const kindsInWords: Readonly<Record<FileKind, string>> = {
  manifests: "promoter manifests",
  settings: "settings",
  jobs: "a job file",
  cloudbuild: "a Cloud Build file",
  owners: "a file of owners",
  variants: "variants of a build",
};

function contents({ kind, manifests }: FileCheck): string {
  if (manifests === undefined) return kindsInWords[kind];
  const { counts } = manifests;
  return (
    `${amount(counts.projects, "project")}, ${amount(counts.images, "image")}, ` +
    `${amount(counts.digests, "digest")}, ${amount(counts.edges, "edge")}`
  );
}
