import { type Diagnostic, formatPlace, placeOf } from "../diagnostics/index.ts";
import { gathered } from "../disk/index.ts";
import { selectionInWords } from "../edges/index.ts";
import { allKinds, type SectionKinds } from "./kinds.ts";
import { imageKind } from "./planned-images.ts";
import { judgementInWords } from "./policies.ts";
import { edgeName, type Report, type ReportedEdge } from "./report.ts";

/**
 * The report in JUnit's XML, which every CI system shows: a test suite for each project, a test case for each edge
 * that was worked on or is not as desired. Edges that were already as desired are only counted, in a property.
 */
export function formatJUnit(report: Report, kinds = allKinds): string {
  return [...junitParts(report, kinds)].join("");
}

/** The same in parts, anew each time it is asked for: of a large report, it is too much for one string. */
export function junitParts(report: Report, kinds = allKinds): Iterable<string> {
  return { [Symbol.iterator]: () => gathered(linesOf(report, kinds)) };
}

function* linesOf(report: Report, kinds: SectionKinds): Generator<string> {
  const suites = new Map<string, Suite>();
  const suiteOf = (name: string): Suite => {
    const suite = suites.get(name) ?? { work: [], problems: [], errors: [] };
    suites.set(name, suite);
    return suite;
  };
  for (const edge of report.work) suiteOf(edge.project).work.push(edge);
  for (const edge of report.problems) suiteOf(edge.project).problems.push(edge);
  for (const error of report.manifestErrors) suiteOf("manifests").errors.push(error);
  if (suites.size === 0 && report.selection !== undefined) suiteOf("waybill");
  const saidOf = judgementsIn(report);
  const { tests, failures } = sizeOf({ ...report, errors: report.manifestErrors });
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites name="waybill" tests="${tests}" failures="${failures}" errors="0">\n`;
  for (const [name, suite] of suites) {
    const { tests, failures } = sizeOf(suite);
    yield `  <testsuite name="${xml(name)}" tests="${tests}" failures="${failures}" errors="0" skipped="0">\n`;
    for (const line of properties(report)) yield `    ${line}\n`;
    for (const edge of suite.work) yield `    ${workCase(edge, edgeName(edge, kinds), saidOf(edge))}\n`;
    for (const edge of suite.problems) yield `    ${failedCase(edge, edgeName(edge, kinds))}\n`;
    for (const error of suite.errors) yield `    ${failedLine(error)}\n`;
    yield "  </testsuite>\n";
  }
  yield "</testsuites>\n";
}

interface Suite {
  readonly work: ReportedEdge[];
  readonly problems: ReportedEdge[];
  readonly errors: Diagnostic[];
}

function sizeOf({ work, problems, errors }: { readonly [Part in keyof Suite]: readonly unknown[] }) {
  const failures = problems.length + errors.length;
  return { tests: work.length + failures, failures };
}

/** What a report is limited to: the schema has properties in suites alone. */
function properties({ selection }: Report): readonly string[] {
  if (selection === undefined) return [];
  const { others, ...patterns } = selection;
  const property = (name: string, value: string | number) =>
    `  <property name="${name}" value="${xml(`${value}`)}"/>`;
  return [
    "<properties>",
    property("selection", selectionInWords(patterns)),
    property("not-selected", others),
    "</properties>",
  ];
}

function attributes({ destination, place: { file, line } }: ReportedEdge, name: string): string {
  return `name="${xml(name)}" classname="${xml(destination)}" file="${xml(file)}" line="${line}"`;
}

/** What policies say of images, as far as it stops nothing, by digest and destination. */
function judgementsIn({ policies = [] }: Report): (edge: ReportedEdge) => readonly string[] {
  const said = new Map<string, string[]>();
  for (const judgement of policies) {
    for (const destination of judgement.destinations) {
      const key = `${destination} ${judgement.digest}`;
      said.set(key, [...(said.get(key) ?? []), `${judgement.at}: ${judgementInWords(judgement)}`]);
    }
  }
  return ({ kind, destination, digest }) =>
    kind === imageKind ? (said.get(`${destination} ${digest}`) ?? []) : [];
}

function workCase(edge: ReportedEdge, name: string, said: readonly string[]): string {
  if (said.length === 0) return `<testcase ${attributes(edge, name)}/>`;
  const lines = said.map(xml).join("&#10;");
  return `<testcase ${attributes(edge, name)}><system-out>${lines}</system-out></testcase>`;
}

function failedCase(edge: ReportedEdge, name: string): string {
  const why = edge.why ?? "not begun";
  return `<testcase ${attributes(edge, name)}><failure type="${edge.state}" message="${xml(why)}">${xml(`${edge.at}: ${why}`)}</failure></testcase>`;
}

function failedLine(error: Diagnostic): string {
  const { code, message } = error;
  const place = formatPlace(placeOf(error));
  return `<testcase name="${xml(place)}" classname="${code}"><failure type="${code}" message="${xml(message)}">${xml(`${place}: ${message}`)}</failure></testcase>`;
}

/** Text for XML 1.0: its own characters escaped, characters it cannot hold replaced. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;");
}
