import type { FileCheck, FileKind } from "../check/index.ts";
import type { Severity } from "../diagnostics/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import { selectionOf, withSelection } from "./selection.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { policiesInWords } from "./trust.ts";
import { type Blank, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withSelection(
    command.argument(
      "[tree]",
      "folder of thin manifests, or one file: a plain manifest, waybill.yaml, policy.yaml, jobs, a Cloud Build file, variants.yaml, OWNERS",
      ".",
    ),
  );

export const check = verb({
  name: "check",
  summary: "find all that is wrong with manifests, offline",
  description: "check promoter manifests, or a file of another kind, offline, and print all that is wrong",
  examples: [
    ["waybill check registry.k8s.io", "check a tree of manifests"],
    ["waybill check registry.k8s.io -o sarif=waybill.sarif", "for a code host, which shows it at the lines"],
    ["waybill check registry.k8s.io --project kops", "what one project has wrong"],
    ["waybill check . --config waybill.yaml", "hold policies against the keys that these settings name"],
    ["waybill check images/foo/cloudbuild.yaml", "a Cloud Build file, known by its name or its steps"],
  ],
  exits: {
    [exitCodes.asDesired]: "no error was found; warnings and notes do not count",
    [exitCodes.nothingDone]: "an error was found, or nothing could be read",
  },
  page: "manifest-reference.md",
  forms: ["text", "json", "sarif"],
  define,
  old: {
    "--format <format>": { now: "--output <format>", isOverJson: true },
    "--sarif": { now: "--output sarif", isOverJson: true },
  },
  run,
});

async function run(session: Session, path: string, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const { checkFile } = await import("../check/index.ts");
  const { toSarif } = await import("../diagnostics/index.ts");
  // Without a word about settings, somebody's own say nothing of what a repository holds.
  const settings = session.config === undefined ? undefined : (await session.settings()).trust;
  const checked = await checkFile(path, await selectionOf(options), settings);
  const { kind, diagnostics, codes, manifests } = checked;
  await deliver(session, {
    text: (terminal) => printText(terminal, checked),
    json: () => {
      const found = manifests ?? { path: checked.path, diagnostics };
      return asJson({ format: "waybill-check/1", kind, ...found });
    },
    sarif: () => asJson(toSarif(diagnostics, codes)),
  });
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
  for (const file of checked.policies) terminal.print(policiesInWords(file, diagnostics));
  if (checked.manifests?.selection === undefined) return;
  const { selectionSentence } = await import("../edges/index.ts");
  terminal.print(selectionSentence(checked.manifests.selection));
}

const kindsInWords: Readonly<Record<FileKind, string>> = {
  manifests: "promoter manifests",
  settings: "settings",
  jobs: "a job file",
  cloudbuild: "a Cloud Build file",
  owners: "a file of owners",
  variants: "variants of a build",
  policy: "policies",
};

function contents({ kind, manifests }: FileCheck): string {
  if (manifests === undefined) return kindsInWords[kind];
  const { counts } = manifests;
  return (
    `${amount(counts.projects, "project")}, ${amount(counts.images, "image")}, ` +
    `${amount(counts.digests, "digest")}, ${amount(counts.edges, "edge")}`
  );
}
