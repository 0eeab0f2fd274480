import { firstOf, printable } from "../../diagnostics/index.ts";
import type { FailureRecord } from "../../errors/index.ts";
import type { SignedBy } from "../../sigstore/index.ts";
import { type DemandAnswer, eachOnce, shortDigest, unreadable } from "../answer.ts";
import type { DemandContext } from "../demand-context.ts";
import type { AcceptedStatement, Evidence } from "../model.ts";
import type { VulnerabilityDemand } from "../rule.ts";
import { signerWords } from "../signers.ts";
import { signerOf } from "../statements.ts";
import {
  reportOfFile,
  reportOfStatement,
  reportTypes,
  type ScanReport,
  severities,
  type Vulnerability,
} from "./report.ts";
import { isCleared, isVexType, type VexStatement, vexStatements } from "./vex.ts";

/** A report that may count, and where it is. */
interface FoundReport extends ScanReport {
  readonly where: string;
  /** The statement that it is in; a file is in none. */
  readonly statement?: AcceptedStatement | undefined;
  readonly by?: SignedBy | undefined;
}

/**
 * What reports of scanners say of one manifest. A report counts when it is bound to this digest (by a statement about it, or by
 * what it names itself), signed by one of the signers or reviewed as a file, and not too old; what does not count is no report.
 * Of each scanner the newest one is taken, and all of these have to be good. What could not be read, or not be verified here for
 * want of a key or a trusted root, may be a newer one: then nobody knows.
 */
export function vulnerabilityAnswer(
  evidence: Evidence,
  demand: VulnerabilityDemand,
  asked: DemandContext,
): DemandAnswer {
  const { reports, refused, unknown } = reportsOn(evidence, demand, asked);
  const unread = [...evidence.unread, ...unknown];
  const { fresh, old } = byAge(reports, demand.maxAge, asked.now);
  const newest = newestOfEach(fresh);
  if (newest.length === 0) {
    if (unread.length > 0) return unreadable("a report of a scanner", unread);
    const others = [...refused, ...old];
    if (others.length === 0)
      return { outcome: "missing", why: "there is no report of a scanner", accepted: [] };
    return { outcome: "failed", why: `no report of a scanner counts: ${firstOf(others, 3)}`, accepted: [] };
  }
  const vex = vexOn(evidence, demand, asked);
  const counts = { below: 0, unfixed: 0, cleared: 0, excepted: 0, grace: 0 };
  const bad: Vulnerability[] = [];
  for (const found of newest.flatMap(({ vulnerabilities }) => vulnerabilities)) {
    const reason = reasonToPass(found, demand, { asked, reports, vex, evidence });
    if (reason === undefined) bad.push(found);
    else counts[reason] += 1;
  }
  const accepted = [...newest, ...vex].flatMap(({ statement }) => statement ?? []);
  const told = newest.map(
    ({ scanner, at, where, by }) =>
      `${printable(scanner)} of ${at?.slice(0, 10) ?? "an unknown day"} in ${where}${by === undefined ? "" : `, signed by ${signerWords(by)}`}`,
  );
  if (bad.length > 0) {
    const words = [...new Set(bad.map(vulnerabilityWords))];
    const why = `${words.length} vulnerabilities from ${demand.below} up: ${firstOf(words, 5)} (${firstOf(told, 2)})`;
    return { outcome: "failed", why, accepted: [] };
  }
  if (unread.length > 0) return unreadable("a newer report of a scanner, or one of another scanner", unread);
  const spared = Object.entries({
    "not affected": counts.cleared,
    excepted: counts.excepted,
    "in their grace": counts.grace,
    "without a fix": counts.unfixed,
  }).flatMap(([words, count]) => (count === 0 ? [] : [`${count} ${words}`]));
  const why = `no vulnerability from ${demand.below} up${spared.length === 0 ? "" : ` but ${spared.join(", ")}`} (${firstOf(told, 2)})`;
  return { outcome: "satisfied", why, accepted: eachOnce(accepted) };
}

/** Why a vulnerability stops nothing; `undefined` when it does. */
function reasonToPass(
  found: Vulnerability,
  demand: VulnerabilityDemand,
  known: {
    readonly asked: DemandContext;
    readonly reports: readonly FoundReport[];
    readonly vex: readonly VexStatement[];
    readonly evidence: Evidence;
  },
): "below" | "unfixed" | "cleared" | "excepted" | "grace" | undefined {
  const { asked, reports, vex, evidence } = known;
  const severity = found.severity === "unknown" ? demand.unknown : found.severity;
  if (severities.indexOf(severity) < severities.indexOf(demand.below)) return "below";
  if (demand.fixedOnly && found.isFixed === false) return "unfixed";
  if (isCleared(found, vex, [evidence.digest, asked.root])) return "cleared";
  if (asked.letThrough.some((id) => id === found.id || found.aliases.includes(id))) return "excepted";
  const days = demand.graceDays?.[severity] ?? 0;
  const since = days === 0 ? undefined : graceStart(found, demand, reports);
  return since !== undefined && asked.now.getTime() < since + days * millisecondsOfDay ? "grace" : undefined;
}

const millisecondsOfDay = 24 * 60 * 60 * 1000;

/** When the days of grace begin: with the fix where that is meant and known, when it was published, or first seen here. */
function graceStart(
  found: Vulnerability,
  { graceFrom }: VulnerabilityDemand,
  reports: readonly FoundReport[],
): number | undefined {
  const seen = reports
    .filter(({ vulnerabilities }) => vulnerabilities.some(({ id }) => id === found.id))
    .map(({ at }) => milliseconds(at))
    .filter((time) => time !== undefined);
  const firstSeen = seen.length === 0 ? undefined : Math.min(...seen);
  const fixed = graceFrom === "fix" ? milliseconds(found.fixedAt) : undefined;
  return fixed ?? milliseconds(found.publishedAt) ?? firstSeen;
}

function reportsOn(
  evidence: Evidence,
  demand: VulnerabilityDemand,
  { files }: DemandContext,
): {
  readonly reports: readonly FoundReport[];
  readonly refused: readonly string[];
  /** What may be by one of the signers. */
  readonly unknown: readonly FailureRecord[];
} {
  const reports: FoundReport[] = [];
  const refused: string[] = [];
  const unknown: FailureRecord[] = [];
  for (const item of evidence.items) {
    const { statement, manifest } = item;
    if (statement === undefined || !reportTypes.includes(statement.predicateType)) continue;
    const where = shortDigest(manifest);
    const signer = signerOf(item, demand.by);
    const report =
      "by" in signer ? reportOfStatement(statement.predicateType, statement.predicate) : undefined;
    if (!("by" in signer) && signer.isUnknown === true)
      unknown.push({ code: "unread", message: `the report in ${where} is ${signer.why}` });
    else if (!("by" in signer)) refused.push(`${where}: ${signer.why}`);
    else if (report === undefined) refused.push(`${where}: it cannot be understood`);
    else if (report.digests.length > 0 && !report.digests.includes(evidence.digest))
      refused.push(`${where}: the report in it is of another image`);
    else reports.push({ ...report, at: report.at ?? signer.signedAt, where, statement: item, by: signer.by });
  }
  for (const { name, content } of files) {
    if (!isBelow(demand.reports, name)) continue;
    const report = reportOfFile(content);
    // A file of another image is none of this one, and there may be thousands.
    if (report?.digests.includes(evidence.digest) === true)
      reports.push({ ...report, where: printable(name) });
  }
  return { reports, refused, unknown };
}

function vexOn(
  evidence: Evidence,
  demand: VulnerabilityDemand,
  { files }: DemandContext,
): readonly (VexStatement & { readonly statement?: AcceptedStatement })[] {
  const attached = evidence.items.flatMap((item) => {
    const { statement } = item;
    if (statement === undefined || !isVexType(statement.predicateType)) return [];
    if (!("by" in signerOf(item, demand.by))) return [];
    return (vexStatements(statement.predicate) ?? []).map((each) => ({ ...each, statement: item }));
  });
  const beside = files.flatMap(({ name, content }) =>
    isBelow(demand.vex, name)
      ? // A file hangs on nothing: what names no product is about nothing.
        (vexStatements(content) ?? []).map((each) => ({ ...each, products: each.products ?? [] }))
      : [],
  );
  return [...attached, ...beside];
}

function isBelow(paths: readonly string[], name: string): boolean {
  return paths.some((path) => name === path || name.startsWith(`${path.replace(/\/+$/, "")}/`));
}

function byAge(
  reports: readonly FoundReport[],
  maxAge: number | undefined,
  now: Date,
): { readonly fresh: readonly FoundReport[]; readonly old: readonly string[] } {
  if (maxAge === undefined) return { fresh: reports, old: [] };
  const isFresh = ({ at }: FoundReport) => {
    const time = milliseconds(at);
    return time !== undefined && now.getTime() - time <= maxAge * 1000;
  };
  const old = reports
    .filter((report) => !isFresh(report))
    .map(
      ({ where, at }) => `${where}: it is of ${at?.slice(0, 10) ?? "an unknown day"}, which is too long ago`,
    );
  return { fresh: reports.filter(isFresh), old };
}

/** Of each scanner the newest; those of which nobody knows when they are of stay beside it. */
function newestOfEach(reports: readonly FoundReport[]): readonly FoundReport[] {
  const newest = new Map<string, FoundReport>();
  const others: FoundReport[] = [];
  for (const report of reports) {
    const time = milliseconds(report.at);
    const before = newest.get(report.scanner);
    if (time === undefined) others.push(report);
    else if (before === undefined || time > (milliseconds(before.at) ?? 0))
      newest.set(report.scanner, report);
  }
  return [...newest.values(), ...others];
}

function vulnerabilityWords({ id, severity, package: named }: Vulnerability): string {
  return `${printable(id, 60)} (${severity}${named === undefined ? "" : `, ${printable(named, 80)}`})`;
}

function milliseconds(time: string | undefined): number | undefined {
  const read = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(read) ? undefined : read;
}
