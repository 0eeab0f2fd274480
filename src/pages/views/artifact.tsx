import { harmless } from "../../errors/index.ts";
import type { Api } from "../api.ts";
import { Fact, Facts } from "../parts/facts.tsx";
import { State } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { countOf } from "../parts/words.ts";
import { type TestCase, testCasesIn } from "../reports/junit.ts";
import { findingsIn, type ReportFinding } from "../reports/sarif.ts";
import type { Answered, Visit } from "../visit.ts";
import { inPath } from "./run-parts.tsx";

/** Bytes of a file that a page shows. */
const maxShown = 1024 * 1024;
/** Cases and findings that a page shows; the table as CSV has them all. */
const maxRows = 500;
const indentation = 2;
/** Characters that JSON may become longer by: what is very deep becomes very long. */
const maxIndentation = 4 * maxShown;

/** The beginning of a file that a run has left. */
interface ArtifactText {
  readonly text: string;
  readonly isWhole: boolean;
  /** Whether it is text at all. */
  readonly isText: boolean;
}

/** Reads a file, up to a bound; `undefined` when there is none. */
export async function readArtifact(api: Api, id: string, path: string): Promise<ArtifactText | undefined> {
  const answer = await api.raw(`/runs/${id}/artifacts/${inPath(path)}`);
  if (!answer.ok) return undefined;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body ?? []) {
    pieces.push(piece);
    length += piece.length;
    if (length > maxShown) break;
  }
  const bytes = Buffer.concat(pieces).subarray(0, maxShown);
  const text = new TextDecoder().decode(bytes);
  return { text, isWhole: length <= maxShown, isText: !text.includes("\u0000") };
}

/** A file of a run: reports as tables, JSON with its lines, all else as it is. */
export async function artifactPage(visit: Visit, id: string, path: string): Promise<Answered> {
  const content = await readArtifact(visit.api, id, path);
  // Says itself why there is none.
  if (content === undefined) await visit.api.answer(`/runs/${id}/artifacts/${inPath(path)}`);
  const { text = "", isWhole = false, isText = false } = content ?? {};
  const cases = isWhole ? testCasesIn(text) : undefined;
  const findings = isWhole ? findingsIn(text) : undefined;
  return visit.page(
    { title: path, part: "/runs" },
    <>
      <h1>{path}</h1>
      <div class="bar">
        <a href={`/runs/${id}`}>The run</a>
        <a href={`/api/v1/runs/${id}/artifacts/${inPath(path)}`}>Download</a>
      </div>
      {isWhole ? (
        ""
      ) : (
        <p class="empty">{`The first ${countOf(maxShown)} bytes are shown: download it to see all of it.`}</p>
      )}
      {cases === undefined ? "" : <TestCases visit={visit} cases={cases} />}
      {findings === undefined ? "" : <Findings visit={visit} findings={findings} />}
      {isText ? (
        <section class="scroll" aria-label={`${path}: its text`} tabindex={0}>
          <pre class="document">{harmlessLines(isWhole ? readable(text) : text)}</pre>
        </section>
      ) : (
        <p class="empty">This is no text: download it.</p>
      )}
    </>,
  );
}

function TestCases({ visit, cases }: { readonly visit: Visit; readonly cases: readonly TestCase[] }) {
  const failed = cases.filter(({ outcome }) => outcome === "failed");
  const list = visit.rows("cases", [...failed, ...cases.filter(({ outcome }) => outcome !== "failed")]);
  return (
    <>
      <Facts>
        <Fact name="Tests">{countOf(cases.length)}</Fact>
        <Fact name="Failed">{countOf(failed.length)}</Fact>
        <Fact name="Skipped">{countOf(cases.filter(({ outcome }) => outcome === "skipped").length)}</Fact>
      </Facts>
      <Table
        label="Tests"
        columns={[
          {
            title: "State",
            cell: ({ outcome }) => (
              <State
                of={outcome === "failed" ? "failure" : outcome === "skipped" ? "aborted" : "success"}
                word={outcome}
              />
            ),
          },
          { title: "Of", cell: ({ suite }) => suite },
          { title: "Test", cell: ({ name }) => name },
          { title: "What it says", cell: ({ message }) => message },
          { title: "Seconds", cell: ({ seconds }) => seconds, isNumber: true },
        ]}
        of={{ ...list, items: list.items.slice(0, maxRows) }}
        empty="It has no tests."
      />
    </>
  );
}

function Findings({
  visit,
  findings,
}: {
  readonly visit: Visit;
  readonly findings: readonly ReportFinding[];
}) {
  const list = visit.rows("findings", findings);
  return (
    <Table
      label="Findings"
      columns={[
        {
          title: "Level",
          cell: ({ level }) => <State of={level === "error" ? "failure" : "waiting"} word={level} />,
        },
        { title: "Where", cell: ({ place }) => <code>{place}</code> },
        { title: "What", cell: ({ message }) => message },
        { title: "Rule", cell: ({ rule }) => rule },
      ]}
      of={{ ...list, items: list.items.slice(0, maxRows) }}
      empty="Nothing was found."
    />
  );
}

/** Lines and their tabs stay; whatever else disguises what is said is written as escapes. */
function harmlessLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.split("\t").map(harmless).join("\t"))
    .join("\n");
}

/** JSON with a line for each of its values, where that is not many times as long; all else as it is. */
function readable(text: string): string {
  if (!/^\s*[[{]/.test(text) || indentationOf(text) > maxIndentation) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, indentation);
  } catch {
    return text;
  }
}

/** Characters before the values of JSON when each has a line of its own, as if what is empty had lines as well. */
function indentationOf(text: string): number {
  let depth = 0;
  let length = 0;
  let isString = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charAt(at);
    if (sign === '"') isString = !isString;
    else if (isString && sign === "\\") at += 1;
    if (isString || !"[]{},".includes(sign)) continue;
    if (sign === "[" || sign === "{") depth += 1;
    else if (sign !== ",") depth = Math.max(0, depth - 1);
    length += 1 + indentation * depth;
  }
  return length;
}
