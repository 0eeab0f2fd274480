import type { RoughPlace } from "../diagnostics/index.ts";
import { harmless } from "../errors/index.ts";
import type { Review, ReviewedLine, ReviewedProject, ReviewFinding } from "../review/index.ts";
import { amount } from "./amount.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

type InText = (place: RoughPlace) => string;

/** Prints a review for people: its lines by project, what fails and what is worth knowing, and the verdict. */
export async function printReview(terminal: Terminal, review: Review): Promise<void> {
  const { outsideInWords, unchangedInWords } = await import("../review/index.ts");
  const { formatPlace } = await import("../diagnostics/index.ts");
  const { selectionSentence } = await import("../edges/index.ts");
  const { colors } = terminal;
  const unchanged = unchangedInWords(review);
  for (const project of review.projects) {
    const facts = await factsOf(project);
    const parts = [
      ...heading(project, unchanged).map(harmless),
      ...(await lineTable(project, formatPlace, terminal.columns)),
      ...facts.map(harmless),
    ];
    terminal.print(`${parts.join("\n")}\n`);
  }
  for (const finding of review.findings) {
    const paint = finding.severity === "fails" ? colors.red : colors.yellow;
    terminal.print(formatFinding(finding, paint, formatPlace));
  }
  if (review.findings.length > 0) terminal.print("");
  for (const line of sums(
    review,
    unchanged,
    outsideInWords(review),
    review.selection && selectionSentence(review.selection),
  ))
    terminal.print(harmless(line));
}

function heading(
  { project, files, newDestinations, removedDestinations, lines }: ReviewedProject,
  unchanged: string,
): string[] {
  return [
    project,
    ...files.map(({ file, owners }) =>
      owners === undefined
        ? `  ${file}`
        : `  ${file} (approvers: ${owners.approvers.join(", ") || "nobody"}${owners.reviewers.length === 0 ? "" : `; reviewers: ${owners.reviewers.join(", ")}`})`,
    ),
    ...newDestinations.map(
      ({ name, edges }) =>
        `  new destination ${name}${edges === 0 ? "" : `: ${amount(edges, "edge")} of old lines`}`,
    ),
    ...removedDestinations.map((name) => `  destination taken away: ${name}`),
    ...(lines.length + newDestinations.length + removedDestinations.length === 0 ? [`  ${unchanged}`] : []),
  ];
}

async function lineTable(
  { lines }: ReviewedProject,
  inText: InText,
  columns: number | undefined,
): Promise<string[]> {
  if (lines.length === 0) return [];
  const rows = lines.map((line) => [
    `  ${line.kind}`,
    line.tag === null ? line.image : `${line.image}:${line.tag}`,
    line.digest.slice(0, "sha256:".length + 12),
    whatOf(line),
    inText(line.at),
  ]);
  return [
    "",
    formatTable(
      ["  CHANGE", "WHAT", "DIGEST", "TO BE DONE", "ASKED FOR AT"],
      rows.map((row) => row.map(harmless)),
      columns,
    ),
  ];
}

function whatOf({ verdicts, destinations }: ReviewedLine): string {
  const found = Object.entries(verdicts ?? {});
  if (found.length === 0) return amount(destinations.length, "destination");
  return found.map(([verdict, count]) => `${count} ${verdict}`).join(", ");
}

async function factsOf({ lines }: ReviewedProject): Promise<string[]> {
  const { factsInWords, travelsInWords } = await import("../review/index.ts");
  const { judgementInWords } = await import("../promotion/index.ts");
  return lines.flatMap((line) => {
    const { facts, policies = [] } = line;
    if (facts === undefined && policies.length === 0) return [];
    const travels = travelsInWords(line.travels);
    const { what, since, attached } = factsInWords(line);
    return [
      "",
      `  ${line.tag === null ? `${line.image}@${line.digest}` : `${line.image}:${line.tag}`}`,
      `    ${what.map((part) => (typeof part === "string" ? part : part.commit)).join("")}`,
      ...(since === "" ? [] : [`    since ${since}`]),
      ...(attached === "" ? [] : [`    attached: ${attached}`]),
      ...(travels === "" ? [] : [`    travels with it: ${travels}`]),
      ...policies.map((judgement) => `    ${judgementInWords(judgement)}`),
    ];
  });
}

function formatFinding(
  { severity, code, message, hint, file, at, related = [], isOld, gone }: ReviewFinding,
  paint: (text: string) => string,
  inText: InText,
): string {
  const place = (found: Pick<ReviewFinding, "file" | "at">): string =>
    inText({ file: found.file, ...found.at });
  const when = isOld ? " (so before)" : gone ? " (at the base)" : "";
  return [
    `${harmless(place({ file, at }))}: ${paint(`${severity}:`)} ${harmless(message)}${when} [${code}]`,
    ...related.map((other) => harmless(`    ${place(other)}: ${other.message}`)),
    ...(hint === undefined ? [] : [harmless(`    hint: ${hint}`)]),
  ].join("\n");
}

function sums(
  { verdict, findings, edges, base, head, offline, passedOver }: Review,
  unchanged: string,
  before: string | undefined,
  limit: string | undefined,
): string[] {
  const failing = findings.filter(({ severity }) => severity === "fails").length;
  const changes = (["added", "removed", "moved", "source-changed"] as const)
    .filter((kind) => edges[kind] > 0)
    .map((kind) => `${amount(edges[kind], "edge")} ${kind}`);
  return [
    `${verdict}: ${changes.length === 0 ? unchanged : changes.join(", ")}; ` +
      `${amount(failing, "finding")} to mend, ${findings.length - failing} worth knowing`,
    `${head.commit === undefined ? "the working tree" : head.commit.slice(0, 12)} against ${base.commit.slice(0, 12)} (${base.from ?? "--base"})`,
    ...(limit === undefined ? [] : [limit]),
    ...(offline ? ["offline: whether images are in staging, and what production holds, is not known"] : []),
    ...(passedOver.length === 0
      ? []
      : [`${amount(passedOver.length, "other project")} cannot be touched by it: not looked at`]),
    ...(before === undefined ? [] : [before]),
  ];
}
