import type { LogLinesDocument, LogMatchesDocument, ShownRunDocument } from "../../server/index.ts";
import { coloring, plainLine } from "../parts/ansi.tsx";
import { State, stateOf } from "../parts/state.tsx";
import { countOf } from "../parts/words.ts";
import type { Answered, Visit } from "../visit.ts";

/** Lines of a log on one page. */
const perPage = 2000;

/** The log of a run: its last lines, or those from one on, or those in which something stands. */
export async function logPage(visit: Visit, id: string): Promise<Answered> {
  const { api, url } = visit;
  const run = await api.get<ShownRunDocument>(`/runs/${id}`);
  const wanted = url.searchParams.get("find") ?? "";
  const [from, to] = rangeIn(url.searchParams.get("lines"));
  const first = from === undefined ? undefined : Math.max(1, from - 20);
  const log = await lines(visit, id, first);
  const begin = log.lines[0]?.number ?? 1;
  const end = log.lines.at(-1)?.number ?? 0;
  const isLast = end >= log.total;
  const isOver = run.state === "ended";
  return visit.page(
    { title: `Log of ${run.job}`, part: "/runs", script: "log.js" },
    <>
      <h1>
        Log of <a href={`/runs/${id}`}>{run.job}</a> <State of={stateOf(run)} />
      </h1>
      <div class="bar">
        <form action={`/runs/${id}/log`}>
          <input type="search" name="find" value={wanted} maxlength={500} aria-label="Find in the log" />
          <button type="submit">Find</button>
        </form>
        <Pages {...{ id, begin, end, total: log.total }} />
        <a href={`/api/v1/runs/${id}/log`}>Raw</a>
        <a href={`/api/v1/runs/${id}/log`} download={`${run.job}-${id}.log`}>
          Download
        </a>
      </div>
      {wanted === "" ? "" : <Matches {...{ visit, id, wanted }} matches={await found(visit, id, wanted)} />}
      {log.total > 0 ? (
        ""
      ) : (
        <p class="empty">
          {isOver ? "It ended without a word." : "Nothing is written yet: what comes is shown here."}
        </p>
      )}
      <section
        class="log"
        id="log"
        tabindex={0}
        aria-label="Log"
        data-run={id}
        data-next={Math.max(1, end)}
        data-size={log.size}
        data-live={isLast && !isOver ? "" : undefined}
      >
        <Lines log={log} marked={from === undefined ? undefined : { from, to: to ?? from }} />
      </section>
      <p class="count">{end === 0 ? "" : `Lines ${begin} to ${end} of ${countOf(log.total)}.`}</p>
    </>,
  );
}

/** The lines that came since, for a page that shows those before. */
export async function logPart(visit: Visit, id: string): Promise<Answered> {
  const first = Number(visit.url.searchParams.get("first") ?? "1");
  const log = await lines(visit, id, Number.isSafeInteger(first) && first > 0 ? first : 1);
  // Whoever is far behind is given the end, and told what is missing.
  const behind = log.total - (log.lines.at(-1)?.number ?? log.total);
  const shown = behind > 0 ? await lines(visit, id, undefined) : log;
  const skipped = (shown.lines[0]?.number ?? first) - first;
  return visit.fragment(
    <>
      {skipped > 0 ? <Skipped {...{ id, first, count: skipped }} /> : ""}
      <Lines log={shown} />
    </>,
  );
}

function lines({ api }: Visit, id: string, first: number | undefined): Promise<LogLinesDocument> {
  return api.exact(`/runs/${id}/log/lines`, { count: String(perPage), first: first?.toString() });
}

function found({ api, url }: Visit, id: string, text: string): Promise<LogMatchesDocument> {
  return api.exact(`/runs/${id}/log/matches`, { text, first: url.searchParams.get("from") ?? undefined });
}

/** `2117-2130` or `2117`. */
function rangeIn(word: string | null): readonly [number | undefined, number | undefined] {
  const [, from, to] = /^(\d{1,12})(?:-(\d{1,12}))?$/.exec(word ?? "") ?? [];
  return [from === undefined ? undefined : Number(from), to === undefined ? undefined : Number(to)];
}

interface LinesProps {
  readonly log: LogLinesDocument;
  readonly marked?: { readonly from: number; readonly to: number } | undefined;
}

function Lines({ log, marked }: LinesProps) {
  const piecesOf = coloring();
  return (
    <>
      {log.lines.map(({ number, text, cut }) => {
        const isMarked = marked !== undefined && number >= marked.from && number <= marked.to;
        return (
          <div class={isMarked ? "line marked" : "line"} id={`L${number}`}>
            <a href={`?lines=${number}`} class="at" data-line={number} aria-label={`Line ${number}`}>
              {number}
            </a>
            <span class="text">
              {piecesOf(text).map(({ text, classes }) =>
                classes === undefined ? text : <span class={classes}>{text}</span>,
              )}
              {cut === 0 ? "" : <span class="cut">{` … ${countOf(cut)} bytes more`}</span>}
            </span>
          </div>
        );
      })}
    </>
  );
}

function Skipped({
  id,
  first,
  count,
}: {
  readonly id: string;
  readonly first: number;
  readonly count: number;
}) {
  return (
    <p class="skipped">
      <a href={`/runs/${id}/log?lines=${first}`}>{`${countOf(count)} lines between`}</a>
    </p>
  );
}

interface PagesProps {
  readonly id: string;
  readonly begin: number;
  readonly end: number;
  readonly total: number;
}

/** The other pages of a log. */
function Pages({ id, begin, end, total }: PagesProps) {
  const at = (line: number): string => `/runs/${id}/log?lines=${line}`;
  return (
    <nav aria-label="Pages of the log">
      {begin > 1 ? <a href={at(1)}>First</a> : <span class="none">First</span>}
      {begin > 1 ? <a href={at(Math.max(1, begin - perPage))}>Before</a> : <span class="none">Before</span>}
      {end < total ? <a href={at(end + 1)}>After</a> : <span class="none">After</span>}
      {end < total ? <a href={`/runs/${id}/log`}>Last</a> : <span class="none">Last</span>}
    </nav>
  );
}

interface MatchesProps {
  readonly id: string;
  readonly wanted: string;
  readonly matches: LogMatchesDocument;
}

function Matches({ id, wanted, matches: { lines, next } }: MatchesProps & { readonly visit: Visit }) {
  const more = new URLSearchParams({ find: wanted, from: String(next ?? "") });
  return (
    <section aria-labelledby="matches" class="matches">
      <h2 id="matches">{`Lines with “${wanted}”`}</h2>
      {lines.length === 0 ? <p class="empty">No line has it.</p> : ""}
      <ol>
        {lines.map(({ number, text }) => (
          <li>
            <a href={`/runs/${id}/log?lines=${number}`}>{number}</a>{" "}
            <code>{plainLine(text).slice(0, 300)}</code>
          </li>
        ))}
      </ol>
      {next === undefined ? "" : <a href={`/runs/${id}/log?${more}`}>Visit further</a>}
    </section>
  );
}
