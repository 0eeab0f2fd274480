import { harmless, shellLine } from "../errors/index.ts";
import type { Report, ReportedEdge, ReportedJudgement, ReportedLeftBehind } from "../promotion/index.ts";
import { limitInWords, outsideInWords } from "./base.ts";
import { printCauses } from "./causes.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** The exit status that a report stands for. */
export function statusOf(report: Report): ExitCode {
  if (report.interrupted) return exitCodes.interrupted;
  if (report.stopped) return exitCodes.nothingDone;
  return report.asDesired ? exitCodes.asDesired : exitCodes.notAsDesired;
}

/** Prints what was done or would be, what is not as desired, and the sums. @param next What promote has to be given to do it. */
export async function printReport(
  terminal: Terminal,
  report: Report,
  next: readonly string[],
): Promise<void> {
  const { selectionSentence } = await import("../edges/index.ts");
  const { causesOf, sumsOf } = await import("../promotion/index.ts");
  if (report.work.length > 0) terminal.print(`${await workTable(terminal, report.work)}\n`);
  await printPolicies(terminal, report.policies ?? []);
  await printLeftBehind(terminal, report.leftBehind ?? []);
  printCauses(terminal, terminal.verbose ? causesOf(report.problems, true) : report.causes, "edge");
  if (report.problems.length > 0) terminal.print("");
  terminal.print(sumsOf(report));
  if (report.since !== undefined) for (const line of limitInWords(report.since)) terminal.print(line);
  if (report.selection !== undefined) terminal.print(selectionSentence(report.selection));
  for (const line of outsideInWords(report.outsideErrors, report.selection !== undefined))
    terminal.print(line);
  if (report.interrupted) terminal.print("stopped before all was done: run it again, it does what is left");
  if (report.stopped) terminal.print("nothing was written: --strict, and not everything is as desired");
  else if (report.dryRun && report.work.length > 0)
    terminal.print(
      `nothing was written; this does it: ${shellLine(["waybill", "promote", ...next, "--confirm"])}`,
    );
}

/** Satisfied judgements that are told one by one; a large promotion has thousands. */
const maxSatisfied = 20;

/** What policies say, a line for each digest: what is not satisfied first; what holds an image back is told with the problems. */
export async function printPolicies(
  terminal: Terminal,
  judgements: readonly ReportedJudgement[],
): Promise<void> {
  const { isHeldBack, judgementInWords } = await import("../promotion/index.ts");
  const told = judgements.filter((judgement) => !isHeldBack(judgement));
  const satisfied = told.filter(({ outcome }) => outcome === "satisfied");
  const others = told.filter(({ outcome }) => outcome !== "satisfied");
  const shown = terminal.verbose ? satisfied : satisfied.slice(0, maxSatisfied);
  const line = (judgement: ReportedJudgement, paint: (text: string) => string): void => {
    const { source, digest, at, outcome, hint } = judgement;
    const said = harmless(judgementInWords(judgement)).replace(` ${outcome}`, () => ` ${paint(outcome)}`);
    terminal.print(`${harmless(`${source}@${shortened(digest)} (${at})`)}: ${said}`);
    if (hint !== undefined && outcome !== "satisfied") terminal.print(`    hint: ${harmless(hint)}`);
  };
  for (const judgement of others) line(judgement, terminal.colors.yellow);
  for (const judgement of shown) line(judgement, terminal.colors.green);
  const more = satisfied.length - shown.length;
  if (more > 0) terminal.print(`and ${more} more satisfy their policies: --verbose shows all`);
  if (told.length > 0) terminal.print("");
}

/** What does not travel, a line for each reason; `--verbose` names it. */
async function printLeftBehind(terminal: Terminal, all: readonly ReportedLeftBehind[]): Promise<void> {
  const { leftBehindInWords } = await import("../promotion/index.ts");
  const reasons = leftBehindInWords(all);
  for (const { message, names } of reasons) {
    terminal.print(message);
    if (terminal.verbose) for (const name of names) terminal.print(`    ${harmless(name)}`);
  }
  if (reasons.length > 0) terminal.print("");
}

async function workTable(terminal: Terminal, work: readonly ReportedEdge[]): Promise<string> {
  const { edgeName, isAboutImage, isAboutSignature, signedInWords } = await import("../promotion/index.ts");
  const signed = work.filter(isAboutSignature);
  const others = work.filter((edge) => !isAboutSignature(edge));
  const rows = [
    ...grouped(others, terminal.verbose).map(({ first, more }) => {
      const name = withMore(edgeName(first).replaceAll(first.digest, shortened(first.digest)), more);
      return [
        actionOf(first, isAboutImage(first) && first.tag === null),
        name,
        shortened(first.digest),
        first.at,
      ];
    }),
    ...groupedSignatures(signed, signedInWords, terminal.verbose).map(({ first, more, words }) => [
      actionOf(first, false),
      `${withMore(`${first.destination}@${shortened(first.digest)}`, more)}: ${words}`,
      shortened(first.digest),
      first.at,
    ]),
  ];
  return formatTable(["ACTION", "WHAT", "DIGEST", "ASKED FOR AT"], rows, terminal.columns);
}

/** A name, and how many others there are of which the same is said. */
export function withMore(name: string, more: number): string {
  return more === 0 ? name : `${name} and ${more} more`;
}

/** What is to be done or was, in a word or two. */
function actionOf({ state, action, reason }: ReportedEdge, isUntagged: boolean): string {
  const isDone = state === "done";
  const word = isDone ? doneWords[action ?? "copy"] : (action ?? state);
  if (reason !== "referrer-unlisted") return word;
  const listing = isDone ? "listed" : "list";
  return isUntagged ? listing : `${listing}, ${word}`;
}

const doneWords = { copy: "copied", tag: "tagged", attach: "attached", sign: "signed" } as const;

interface Group<Edge extends ReportedEdge = ReportedEdge> {
  readonly first: Edge;
  /** How many destinations there are beside the first. */
  readonly more: number;
}

/** Edges of one line of a manifest with the same fate are one row: an image may go to dozens of mirrors. */
function grouped(edges: readonly ReportedEdge[], everyEdge: boolean): Group[] {
  const groups = new Map<string, ReportedEdge[]>();
  for (const edge of edges) {
    const fate = [edge.at, edge.digest, edge.state, edge.action, edge.reason, edge.why];
    const key = (everyEdge ? [...fate, edge.destination] : fate).join(" ");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [edge]);
    else group.push(edge);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [{ first, more: new Set(group.map(({ destination }) => destination)).size - 1 }];
  });
}

/**
 * What is signed of an image is one row, however much it is, and so are all places where it is the same.
 * @param inWords What is signed of one image in one place.
 */
export function groupedSignatures<Edge extends ReportedEdge>(
  edges: readonly Edge[],
  inWords: (things: readonly Edge[]) => string,
  everyPlace: boolean,
): (Group<Edge> & { readonly words: string })[] {
  const images = new Map<string, Edge[]>();
  for (const edge of edges) {
    const key = [edge.destination, edge.digest, edge.at, edge.state].join(" ");
    const known = images.get(key);
    if (known === undefined) images.set(key, [edge]);
    else known.push(edge);
  }
  const alike = new Map<string, { readonly first: Edge; more: number; readonly words: string }>();
  for (const things of images.values()) {
    const [first] = things;
    if (first === undefined) continue;
    const words = inWords(things);
    const key = [first.at, first.digest, first.state, words, everyPlace ? first.destination : ""].join(" ");
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { first, more: 0, words });
    else known.more += 1;
  }
  return [...alike.values()];
}

/** Enough of a digest to tell it from others by eye. */
export function shortened(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}
