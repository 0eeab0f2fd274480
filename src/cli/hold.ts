import { type Command, Option } from "commander";
import type { HoldChange, HoldMeans } from "../release/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addForgeOptions, type ForgeFlags, openPullRequest } from "./forge.ts";
import { addExamples, collect } from "./help.ts";
import type { Act, Session } from "./session.ts";

interface Options extends ForgeFlags {
  readonly by?: readonly HoldMeans[];
  readonly comments?: boolean;
}

const argument = "its address, such as https://github.com/kubernetes/k8s.io/pull/1106";

export function defineHold(program: Command, act: Act): void {
  const command = program
    .command("hold")
    .description("keep a pull request from being merged")
    .argument("<pull-request>", argument)
    .addOption(
      new Option(
        "--by <means>",
        "label, draft or status; repeatable; what the forge's users expect when left out",
      )
        .choices(["label", "draft", "status"])
        .argParser(collect),
    )
    .addOption(new Option("--comments", "do as the newest /hold or /hold cancel among its comments says"))
    .action(act(runHold));
  addForgeOptions(command);
  addExamples(command, [
    ["waybill hold https://github.com/kubernetes/k8s.io/pull/1106", "until waybill unhold, or /hold cancel"],
    [
      "waybill hold --comments https://gitlab.com/group/images/-/merge_requests/7",
      "in a pipeline of comments",
    ],
  ]);
}

export function defineUnhold(program: Command, act: Act): void {
  const command = program
    .command("unhold")
    .description("let a pull request be merged that was held")
    .argument("<pull-request>", argument)
    .action(act(runUnhold));
  addForgeOptions(command);
  addExamples(command, [
    ["waybill unhold https://github.com/kubernetes/k8s.io/pull/1106", "whatever means hold it"],
  ]);
}

async function runHold(session: Session, url: string, options: Options): Promise<ExitCode> {
  const { hold, obeyHoldWords, usualHold } = await import("../release/index.ts");
  const { forge, project, number } = await openPullRequest(session, url, options);
  const means = options.by ?? usualHold(forge.kind);
  if (options.comments !== true) return tell(session, await hold(project, number, means), "held");
  const change = await obeyHoldWords(project, number, means);
  const { word } = change;
  if (word === undefined) return tell(session, change, "no comment says anything about a hold");
  return tell(session, change, `${word.held ? "held" : "not held"}, as ${word.by} said at ${word.at}`);
}

async function runUnhold(session: Session, url: string, options: ForgeFlags): Promise<ExitCode> {
  const { unhold } = await import("../release/index.ts");
  const { project, number } = await openPullRequest(session, url, options);
  return tell(session, await unhold(project, number), "not held");
}

function tell({ terminal }: Session, { pullRequest, changed }: HoldChange, state: string): ExitCode {
  if (terminal.json) {
    terminal.printJson({ format: "waybill-hold/1", url: pullRequest.url, state, changed });
    return exitCodes.asDesired;
  }
  const what = changed.length === 0 ? "nothing to change" : `changed: ${changed.join(", ")}`;
  terminal.print(`${pullRequest.url}: ${state} (${what})`);
  return exitCodes.asDesired;
}
