import { harmless, problemOf } from "../errors/index.ts";
import { toAll } from "../events/index.ts";
import type { EdgeEvent, PromoteOptions, Promotion, Traffic } from "../promotion/index.ts";
import type { Recording } from "../recording/index.ts";
import { amount } from "./amount.ts";
import { oldBase, readSince, withBase } from "./base.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { type Interruption, interruptible } from "./interruption.ts";
import { readForWork, withTree } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import { formatBytes } from "./progress-tally.ts";
import { recorded, withRecord } from "./recorded.ts";
import { withProgress } from "./registries.ts";
import { printReport, statusOf } from "./report.ts";
import { readInPieces } from "./result-file.ts";
import { selectionOf, withSelection } from "./selection.ts";
import { againWords, type Session } from "./session.ts";
import { signingFor } from "./signing.ts";
import { tellPolicies, trustFor } from "./trust.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withRecord(withBase(withSelection(withTree(command))))
    .addOption(how.common("--confirm", "write to production"))
    .addOption(how.common("--plan <file>", "do no more than this plan, which waybill plan --out saved"))
    .addOption(how("--no-sign", "sign nothing, whatever trust.sign of waybill.yaml says"))
    .addOption(how("--strict", "do nothing at all when anything is not as desired"));

type Options = OptionsOf<typeof define>;

export const promoteVerb = verb({
  name: "promote",
  summary: "bring production to what manifests ask for",
  description: "bring production to what manifests ask for; a dry run without --confirm",
  examples: [
    ["waybill promote registry.k8s.io --confirm", "do it; run again, it does what is left"],
    ["waybill promote registry.k8s.io", "see what would be done"],
    ["waybill promote registry.k8s.io --confirm --plan plan.json", "do what was reviewed, and no more"],
    ["waybill promote registry.k8s.io --confirm --project kops --project etcd", "two projects, and no other"],
    ["waybill promote registry.k8s.io --confirm --changed", "do what the last commit or merge asks for"],
    ["waybill promote registry.k8s.io --confirm -o json=report.json -o junit=junit.xml", "for a CI system"],
  ],
  exits: {
    [exitCodes.asDesired]: "production is as asked; a dry run: it would be",
    [exitCodes.nothingDone]: "nothing was written: a wrong line, no manifest, --strict and a problem",
    [exitCodes.notAsDesired]: "the same as of plan, or an edge failed",
  },
  page: "exit-codes-and-reports.md",
  forms: ["text", "json", "junit"],
  define,
  old: { ...oldBase, "--report <file>": "--output json=<file>", "--junit <file>": "--output junit=<file>" },
  run: (session, path, options) =>
    recorded(session, options, { subject: path, checkout: path }, (inner, recording) =>
      promoteRecorded(inner, recording, path, options),
    ),
});

async function promoteRecorded(
  session: Session,
  recording: Recording,
  path: string,
  options: Options,
): Promise<ExitCode> {
  const { junitParts, readPlan } = await import("../promotion/index.ts");
  const where = options.plan;
  const saved = where === undefined ? undefined : { plan: await readPlan(readInPieces(where), where), where };
  const selection = await selectionOf(options);
  const tree = await readForWork(path, session, selection);
  await tellPolicies(session, tree);
  const since = await readSince(tree, options, session);
  return interruptible(session, async (interruption) => {
    const { report } = await promoteWithProgress(session, interruption, recording, {
      tree,
      since,
      selection,
      confirm: options.confirm ?? false,
      strict: options.strict ?? false,
      saved,
      signing: options.sign ? await signingFor(session, path) : undefined,
    });
    await recording.report(report);
    await deliver(session, {
      text: (terminal) => printReport(terminal, report, againWords(session)),
      json: () => asJson(report),
      junit: () => junitParts(report),
    });
    return statusOf(report);
  });
}

async function promoteWithProgress(
  session: Session,
  interruption: Interruption,
  recording: Recording,
  options: Omit<PromoteOptions, "open" | "trust" | "signal">,
): Promise<Promotion> {
  const { createTrafficMeter, edgeName, promote } = await import("../promotion/index.ts");
  const meter = createTrafficMeter();
  const listener = toAll(meter.listener, recording.listener);
  const shown = { title: "Reading repositories", listener, interruption, finishes: true };
  const left = new Set<string>();
  const tellEdge = edgeTeller(edgeName);
  let total = 0;
  let done = 0;
  return withProgress(session, shown, async (registries, progress) => {
    const promotion = await promote({
      ...options,
      open: registries.repository,
      trust: await trustFor(session, options.tree, registries),
      signal: interruption.stop,
      keepPlan: recording.plan,
      listener: (event) => {
        listener(event);
        switch (event.type) {
          case "planned":
            total = event.work;
            if (options.confirm && total > 0) progress.begin("Promoting", total, event.images);
            break;
          case "left-behind":
            if (left.has(event.host)) break;
            left.add(event.host);
            progress.did(`${event.host} does not keep up with the others: it goes on at its own pace`);
            break;
          case "edge-done":
          case "edge-failed":
            done += 1;
            progress.listener({ type: "progress", done, total });
            for (const line of tellEdge(event)) progress.did(line);
            break;
          default:
            progress.listener(event);
        }
      },
    });
    const traffic = meter.read();
    progress.end();
    const words = trafficInWords(traffic);
    if (words !== undefined) session.terminal.note(words);
    return { ...promotion, report: { ...promotion.report, traffic } };
  });
}

/** Failures of one kind at one host that are told while the work goes on: the report groups all of them. */
const maxTold = 3;

function edgeTeller(nameOf: (event: EdgeEvent) => string): (event: EdgeEvent) => readonly string[] {
  const told = new Map<string, number>();
  return (event) => {
    const what = nameOf(event);
    const { failure } = event;
    if (failure === undefined) return [`done ${what}`];
    const { code, host = "", message } = problemOf(failure);
    const count = (told.get(`${code} ${host}`) ?? 0) + 1;
    told.set(`${code} ${host}`, count);
    if (count <= maxTold) return [`failed ${what}: ${harmless(message)}`];
    return count === maxTold + 1 ? [`failed ${what}, and more like it: they are counted at the end`] : [];
  };
}

/** In a line, what a run carried and which failures it mended; `undefined` when there is nothing to say. */
function trafficInWords({ hosts }: Traffic): string | undefined {
  const all = Object.values(hosts);
  const read = sum(all.map(({ bytesRead }) => bytesRead));
  const sent = sum(all.map(({ bytesSent }) => bytesSent));
  const receivers = all.filter(({ bytesSent }) => bytesSent > 0).length;
  const faults = new Map<string, number>();
  for (const host of all) {
    for (const [fault, count] of Object.entries(host.faults)) {
      faults.set(fault, (faults.get(fault) ?? 0) + count);
    }
  }
  const parts: string[] = [];
  if (sent > 0)
    parts.push(`read ${formatBytes(read)}, sent ${formatBytes(sent)} to ${amount(receivers, "host")}`);
  if (faults.size > 0) {
    const kinds = [...faults].map(([fault, count]) => `${count} ${fault}`).join(", ");
    parts.push(`tried again after ${amount(sum([...faults.values()]), "failure")} (${kinds})`);
  }
  return parts.length === 0 ? undefined : parts.join("; ");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
