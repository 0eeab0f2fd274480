import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { Selection } from "../edges/index.ts";
import { type Cause, WaybillError } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { CommittedManifests, ManifestTree } from "../manifest/index.ts";
import type { AbsentEdge } from "../promotion/index.ts";
import type { LookedEvent, Waiting } from "../release/index.ts";
import { amount } from "./amount.ts";
import { oldBase, outsideInWords, readSince, withBase } from "./base.ts";
import { printCauses } from "./causes.ts";
import { parseDuration } from "./duration.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { findingsOf, readForWork, withTree } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import type { Progress } from "./progress.ts";
import { withProgress } from "./registries.ts";
import { type SelectionOptions, selectionOf, withSelection } from "./selection.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, how, look, type None, type OptionsOf, unrecorded, verb } from "./verb.ts";

/** Adds what says for which edges is waited, and how often is looked. */
export function withWaiting<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return withBase(command)
    .addOption(look("--commit <revision>", "the manifests of this commit, and of them what it changed"))
    .addOption(
      look("--all", "with --commit: everything that its manifests ask for").conflicts(["base", "changed"]),
    )
    .addOption(
      unrecorded(how("--interval <duration>", "the longest pause between two looks").default("30s")),
    );
}

type WaitOptions = OptionsOf<typeof withWaiting<[], None>> & SelectionOptions;

const define = (command: Blank) =>
  withWaiting(withSelection(withTree(command))).addOption(
    how("--timeout <duration>", "how long to wait, such as 30m").default("2h"),
  );

/** What exit codes mean when production is waited for. */
export const exitsOfWaiting = {
  [exitCodes.notAsDesired]: "waiting does not help: conflicts, or errors in the manifests",
  [exitCodes.notYet]: "the time is over",
} as const;

/** The spelling that `verify --wait` has grown from. */
export const wait = verb({
  name: "wait",
  summary: "wait until production holds everything that manifests ask for",
  description: "wait until production holds everything that manifests ask for, whoever promotes it",
  examples: [
    ["waybill wait registry.k8s.io --commit 4f2d0c6b1a9e", "until what a merge asks for is in production"],
    ["waybill wait registry.k8s.io --timeout 30m", "until everything is that the manifests ask for"],
  ],
  exits: { [exitCodes.asDesired]: "production holds everything", ...exitsOfWaiting },
  page: "wait.md",
  define,
  old: oldBase,
  run: (session, path, options) =>
    waitFor(session, path, options, parseDuration(options.timeout, "--timeout")),
});

/** Waits until production holds what manifests ask for. @param timeout Milliseconds. */
export async function waitFor(
  session: Session,
  path: string,
  options: WaitOptions,
  timeout: number,
): Promise<ExitCode> {
  const { terminal } = session;
  const interval = Math.max(1, parseDuration(options.interval, "--interval"));
  const selection = await selectionOf(options);
  const { tree, since } = await readExpected(session, path, options, selection);
  const { causesOfAbsence } = await import("../promotion/index.ts");
  const { waitForProduction } = await import("../release/index.ts");
  return interruptible(session, (interruption) =>
    withProgress(session, { title: "Waiting for production", interruption }, async (registries, progress) => {
      const waiting = await waitForProduction({
        tree,
        since,
        selection,
        open: registries.repository,
        timeout,
        interval,
        listener: teller(terminal, progress),
        signal: interruption.stop,
      });
      progress.end();
      const absent = worstFirst(waiting.absent);
      await deliver(session, {
        text: (shown) => printWaiting(shown, waiting, causesOfAbsence(absent, shown.verbose)),
        json: () => asJson({ ...waiting, causes: causesOfAbsence(absent) }),
      });
      return statusOf(waiting);
    }),
  );
}

function statusOf({ state, manifestErrors }: Waiting): ExitCode {
  if (state === "timeout") return exitCodes.notYet;
  if (state === "interrupted") return exitCodes.interrupted;
  return state === "arrived" && manifestErrors.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
}

async function readExpected(
  session: Session,
  path: string,
  options: WaitOptions,
  selection: Selection | undefined,
): Promise<{ tree: ManifestTree; since: CommittedManifests | undefined }> {
  const { terminal, env: environment } = session;
  const { commit, all, base } = options;
  if (commit === undefined) {
    if (all) {
      throw new UsageError("--all means something with --commit only", "everything is waited for anyway");
    }
    const tree = await readForWork(path, session, selection);
    return { tree, since: await readSince(tree, options, session) };
  }
  if (options.changed || options.sinceDate !== undefined) {
    throw new UsageError(
      "--changed and --since-date start from what is on disk, not from --commit",
      "what the commit changed is waited for without them",
    );
  }
  const { readManifestsAt, readManifestsOfCommit } = await import("../manifest/index.ts");
  const { after, before } = await readManifestsOfCommit(path, commit, { environment });
  await tellFindings(terminal, await findingsOf(after.tree, selection));
  if (after.tree.manifests.length === 0) {
    throw new WaybillError("no-manifest", `commit ${after.commit} has no manifest that can be read`, {
      where: after.tree.path,
      hint: "name the folder as it was called then",
    });
  }
  if (base !== undefined) {
    const since = await readManifestsAt(after.tree, base, { environment, head: after.commit });
    return { tree: after.tree, since };
  }
  return { tree: after.tree, since: all ? undefined : before };
}

async function tellFindings(terminal: Terminal, diagnostics: readonly Diagnostic[]): Promise<void> {
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity === "error") terminal.say(formatDiagnostic(diagnostic));
    else terminal.detail(formatDiagnostic(diagnostic));
  }
}

/** Says after each look how far it has come: a log gets a line only when something is new. */
function teller(terminal: Terminal, progress: Progress): Listener<LookedEvent> {
  let said = "";
  let unread: readonly string[] = [];
  return ({ look, pause }) => {
    progress.listener({ type: "progress", done: look.present, total: look.edges });
    const before = unread;
    unread = unreadHosts(look.absent);
    for (const text of unread) if (!before.includes(text)) terminal.warn(text);
    const missing = look.hosts.filter(({ edges, present }) => present < edges);
    const hosts = missing.slice(0, 5).map(({ host, edges, present }) => `${host} ${present} of ${edges}`);
    if (missing.length > hosts.length) hosts.push(`${missing.length - hosts.length} more`);
    const words = [`${look.present} of ${amount(look.edges, "edge")} there`, ...hosts].join(", ");
    const news = [words, ...unread].join("\n");
    if (news !== said && look.edges > 0) progress.did(words);
    said = news;
    if (terminal.canvas !== undefined && pause !== undefined) progress.waiting(hosts.join(", "), pause);
  };
}

/** Hosts that could not be read, each with the first reason. */
function unreadHosts(absent: readonly AbsentEdge[]): readonly string[] {
  const reasons = new Map<string, string>();
  for (const { destination, failure } of absent) {
    const host = destination.slice(0, destination.indexOf("/"));
    if (failure !== undefined && !reasons.has(host)) reasons.set(host, failure.message);
  }
  return [...reasons].map(([host, reason]) => `${host} could not be read: ${reason}`);
}

/** What will never arrive is what has to be looked at. */
function worstFirst(absent: readonly AbsentEdge[]): readonly AbsentEdge[] {
  const order = ["conflict", "overlap", "unread", "missing"] as const;
  return order.flatMap((kind) => absent.filter(({ state }) => state === kind));
}

async function printWaiting(
  terminal: Terminal,
  { state, edges, present, hosts, manifestErrors, outsideErrors, selection }: Waiting,
  causes: readonly Cause[],
): Promise<void> {
  const { selectionSentence } = await import("../edges/index.ts");
  printCauses(terminal, causes, "edge");
  if (manifestErrors.length > 0) {
    terminal.print(
      `${amount(manifestErrors.length, "error")} in the manifests: nobody waits for these lines`,
    );
  }
  if (selection !== undefined) terminal.print(selectionSentence(selection));
  for (const line of outsideInWords(outsideErrors, selection !== undefined)) terminal.print(line);
  const there = `${present} of ${amount(edges, "edge")} there, at ${amount(hosts.length, "host")}`;
  const endings: Readonly<Record<Waiting["state"], string>> = {
    arrived: edges === 0 ? "there is nothing to wait for" : `production holds everything: ${there}`,
    hopeless: `${there}: waiting does not help`,
    timeout: `${there}: the time is over`,
    interrupted: `${there}: stopped while waiting`,
  };
  terminal.print(endings[state]);
}
