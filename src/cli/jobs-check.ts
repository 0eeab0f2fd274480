import type { Severity } from "../diagnostics/index.ts";
import type { JobCheck } from "../jobs/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command.argument("[path]", "folder of job files, or one of them with its folder", "jobs");

export const checkJobs = verb({
  name: "check",
  summary: "find all that is wrong with job files, offline",
  description: "check job files, each and together, offline; with the capacities of the settings",
  examples: [
    ["waybill jobs check", "the folder jobs, in a CI job"],
    ["waybill jobs check ci/jobs/push.yaml", "one file, with the others of its folder in mind"],
    ["waybill jobs check ci/jobs -o sarif=jobs.sarif", "for a code host, which shows it at the lines"],
  ],
  exits: {
    [exitCodes.asDesired]: "no error was found; warnings and notes do not count",
    [exitCodes.nothingDone]: "an error was found, or nothing could be read",
  },
  page: "jobs.md",
  forms: ["text", "json", "sarif"],
  define,
  run,
});

async function run(session: Session, path: string, _: OptionsOf<typeof define>): Promise<ExitCode> {
  const { checkJobFiles, jobCodes } = await import("../jobs/index.ts");
  const { toSarif } = await import("../diagnostics/index.ts");
  const { capacities } = (await session.settings()).serve;
  const checked = await checkJobFiles(path, {
    capacities: capacities === undefined ? undefined : Object.keys(capacities),
  });
  const { diagnostics } = checked;
  await deliver(session, {
    text: (terminal) => printText(terminal, checked),
    json: () => asJson({ format: "waybill-check/1", kind: "jobs", ...checked }),
    sarif: () => asJson(toSarif(diagnostics, jobCodes)),
  });
  const isClean = diagnostics.every(({ severity }) => severity !== "error");
  return isClean ? exitCodes.asDesired : exitCodes.nothingDone;
}

async function printText(terminal: Terminal, { files, jobs, diagnostics }: JobCheck): Promise<void> {
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  const { colors } = terminal;
  const paint = { error: colors.red, warning: colors.yellow, info: colors.cyan };
  for (const found of diagnostics) terminal.print(formatDiagnostic(found, paint[found.severity]));
  const count = (severity: Severity, noun: string): string =>
    amount(diagnostics.filter((found) => found.severity === severity).length, noun);
  const found = [count("error", "error"), count("warning", "warning"), count("info", "note")].join(", ");
  terminal.print(`${amount(jobs, "job")} in ${amount(files, "file")}: ${found}`);
}
