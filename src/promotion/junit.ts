import { type Diagnostic, formatPlace, placeOf } from "../diagnostics/index.ts";
import { selectionInWords } from "../edges/index.ts";
import { allKinds } from "./kinds.ts";
import { edgeName, type Report, type ReportedEdge } from "./report.ts";

/**
 * The report in JUnit's XML, which every CI system shows: a test suite for each project, a test case for each edge
 * that was worked on or is not as desired. Edges that were already as desired are only counted, in a property.
 */
export function formatJUnit(report: Report, kinds = allKinds): string {
  const suites = new Map<string, { readonly cases: string[]; failures: number }>();
  const add = (name: string, testCase: string, failures = 1): void => {
    const suite = suites.get(name) ?? { cases: [], failures: 0 };
    suite.cases.push(testCase);
    suite.failures += failures;
    suites.set(name, suite);
  };
  for (const edge of report.work) {
    add(edge.project, `<testcase ${attributes(edge, edgeName(edge, kinds))}/>`, 0);
  }
  for (const edge of report.problems) add(edge.project, failedCase(edge, edgeName(edge, kinds)));
  for (const error of report.manifestErrors) add("manifests", failedLine(error));
  if (suites.size === 0 && report.selection !== undefined) suites.set("waybill", { cases: [], failures: 0 });
  const body = [...suites].map(([name, { cases, failures: failed }]) =>
    [
      `  <testsuite name="${xml(name)}" tests="${cases.length}" failures="${failed}" errors="0" skipped="0">`,
      ...properties(report).map((line) => `    ${line}`),
      ...cases.map((testCase) => `    ${testCase}`),
      "  </testsuite>",
    ].join("\n"),
  );
  const tests = report.work.length + report.problems.length + report.manifestErrors.length;
  const failures = report.problems.length + report.manifestErrors.length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="waybill" tests="${tests}" failures="${failures}" errors="0">`,
    ...body,
    "</testsuites>",
    "",
  ].join("\n");
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
