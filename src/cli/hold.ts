import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { HoldChange, HoldMeans } from "../release/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { openPullRequest, withForge, withoutUser } from "./forge.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const withPullRequest = (command: Blank) =>
  withForge(
    command
      .argument("<pull-request>", "its address, such as https://github.com/kubernetes/k8s.io/pull/1106")
      .addOption(how.common("--dry-run", "say what would be done, and change nothing")),
  );

const define = (command: Blank) =>
  withPullRequest(command)
    .addOption(
      how
        .common(
          "--by <means>",
          "label, draft or status; repeatable; what the forge's users expect when left out",
        )
        .choices(["label", "draft", "status"])
        .argParser(collectMeans),
    )
    .addOption(how.common("--comments", "do as the newest /hold or /hold cancel among its comments says"));

const holdMeans: readonly HoldMeans[] = ["label", "draft", "status"];

/** For options that name means of holding a pull request, and may be given several times. */
export function collectMeans(text: string, previous: readonly HoldMeans[] | undefined): readonly HoldMeans[] {
  const means = holdMeans.find((each) => each === text);
  if (means === undefined) throw new InvalidArgumentError(`It is ${holdMeans.join(", ")}.`);
  return [...(previous ?? []), means];
}

export const holdVerb = verb({
  name: "hold",
  summary: "keep a pull request from being merged",
  examples: [
    [
      "waybill pr hold https://github.com/kubernetes/k8s.io/pull/1106",
      "until waybill pr unhold, or /hold cancel",
    ],
    [
      "waybill pr hold --comments https://gitlab.com/group/images/-/merge_requests/7",
      "in a pipeline of comments",
    ],
  ],
  exits: { [exitCodes.asDesired]: "as asked", [exitCodes.nothingDone]: "refused; nothing was changed" },
  page: "propose-a-promotion.md",
  define,
  run: runHold,
});

export const unholdVerb = verb({
  name: "unhold",
  summary: "let a pull request be merged that was held",
  examples: [["waybill pr unhold https://github.com/kubernetes/k8s.io/pull/1106", "whatever means hold it"]],
  exits: { [exitCodes.asDesired]: "as asked", [exitCodes.nothingDone]: "refused; nothing was changed" },
  page: "propose-a-promotion.md",
  define: withPullRequest,
  run: runUnhold,
});

async function runHold(session: Session, url: string, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const { hold, obeyHoldWords, usualHold } = await import("../release/index.ts");
  const { forge, project, number } = await openPullRequest(session, url, options);
  const means = options.by ?? usualHold(forge.kind);
  if (options.dryRun) {
    const why = options.comments ? "if the newest of its comments about a hold says so" : "now";
    return tell(session, nothingOf(url), `would be held by ${means.join(" and ")}, ${why}`);
  }
  if (options.comments !== true) return tell(session, await hold(project, number, means), "held");
  const change = await obeyHoldWords(project, number, means);
  const { word } = change;
  if (word === undefined) return tell(session, change, "no comment says anything about a hold");
  return tell(session, change, `${word.held ? "held" : "not held"}, as ${word.by} said at ${word.at}`);
}

async function runUnhold(
  session: Session,
  url: string,
  options: OptionsOf<typeof withPullRequest>,
): Promise<ExitCode> {
  const { unhold } = await import("../release/index.ts");
  const { project, number } = await openPullRequest(session, url, options);
  if (options.dryRun) return tell(session, nothingOf(url), "would not be held any more");
  return tell(session, await unhold(project, number), "not held");
}

type Changed = Pick<HoldChange, "changed"> & { readonly pullRequest: { readonly url: string } };

function nothingOf(url: string): Changed {
  return { pullRequest: { url: withoutUser(url) }, changed: [] };
}

async function tell(
  session: Session,
  { pullRequest: { url }, changed }: Changed,
  state: string,
): Promise<ExitCode> {
  const what = changed.length === 0 ? "nothing to change" : `changed: ${changed.join(", ")}`;
  await deliver(session, {
    text: (terminal) => terminal.print(`${url}: ${state} (${what})`),
    json: () => asJson({ format: "waybill-hold/1", url, state, changed }),
  });
  return exitCodes.asDesired;
}
