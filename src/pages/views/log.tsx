import type { Child } from "hono/jsx";
import type {
  LogLinesDocument,
  LogMatchesDocument,
  LogOutlineDocument,
  ShownRunDocument,
} from "../../server/index.ts";
import { ApiFailure } from "../api.ts";
import { type LogAddress, logAddress, placeIn, timeModes } from "../log/address.ts";
import { foldedRanges, type ShownRange } from "../log/fold.ts";
import { Fold, type LineNotes, Lines, perFold, ShownLog } from "../log/lines.tsx";
import { plainLine } from "../parts/ansi.ts";
import { State, stateOf } from "../parts/state.tsx";
import { countOf } from "../parts/words.ts";
import type { Answered, Visit } from "../visit.ts";

/** Lines of a log on one page, and those before a line that somebody has chosen. */
const perPage = 2000;
const before = 20;
/** A log with fewer lines is not folded. */
const minFolded = 200;

/** A log that is shown, wherever it is kept. */
export interface LogSource {
  readonly title: string;
  readonly heading: Child;
  /** The part of the site that it belongs to. */
  readonly part: string;
  /** The run, below the API. */
  readonly api: string;
  readonly page: string;
  readonly fileName: string;
  readonly startedAt: string | undefined;
  readonly isFailed: boolean;
  /** The run of this server that may go on writing. */
  readonly run: string | undefined;
  /** What stands in its place while it is empty. */
  readonly empty: string;
}

/** The log of a run of this server. */
export async function runLog({ api }: Visit, id: string): Promise<LogSource> {
  const run = await api.get<ShownRunDocument>(`/runs/${id}`);
  const isOver = run.state === "ended";
  return {
    ...{ title: `Log of ${run.job}`, part: "/runs", api: `/runs/${id}`, page: `/runs/${id}/log` },
    heading: (
      <>
        Log of <a href={`/runs/${id}`}>{run.job}</a> <State of={stateOf(run)} />
      </>
    ),
    fileName: `${run.job}-${id}.log`,
    startedAt: run.record?.startedAt ?? run.startedAt,
    isFailed: isOver && run.result !== "SUCCESS",
    run: isOver ? undefined : id,
    empty: isOver ? "It ended without a word." : "Nothing is written yet: what comes is shown here.",
  };
}

/** A log: folded around what failed, its last lines, those that somebody has chosen, or those in which something stands. */
export async function logPage(visit: Visit, source: LogSource): Promise<Answered> {
  const { api } = visit;
  const address = logAddress(visit.url);
  const outline = await outlineOf(api, source);
  const matches =
    address.find === "" || outline.total === 0 ? undefined : await found(visit, source, address);
  const isWrong = address.find !== "" && outline.total > 0 && matches === undefined;
  const first = address.chosen ?? rangeOf(matches);
  const isFolded = first === undefined && isShownFolded(source, address, outline);
  const ranges = isFolded ? foldedRanges(outline) : [plainRange(outline, first)];
  const log =
    outline.total === 0
      ? undefined
      : await api.exact<LogLinesDocument>(`${source.api}/log/lines`, { ranges: textOf(ranges) });
  const notes: LineNotes = {
    ...notesOf(source, address, outline),
    chosen: address.chosen,
    found: new Set(matches?.lines.map(({ number }) => number)),
  };
  const isTail = !isFolded && first === undefined && source.run !== undefined;
  return visit.page(
    {
      ...{ title: source.title, part: source.part, script: "log.js" },
      ...{ isLive: source.run !== undefined, about: source.run, stream: isTail ? "later" : undefined },
    },
    <>
      <h1>{source.heading}</h1>
      <Bar {...{ source, address, outline, isFolded }} />
      {isWrong ? <NoExpression /> : ""}
      {matches === undefined ? "" : <Matches {...{ address, matches }} />}
      <Chapters {...{ address, outline }} />
      {outline.total > 0 ? "" : <p class="empty">{source.empty}</p>}
      <section
        {...{ id: "log", tabindex: 0, "aria-label": "Log", "data-kept": "", "data-page": source.page }}
        class={`log times-${address.times}${address.isWrapped ? "" : " nowrap"}`}
        data-api={`/api/v1${source.api}`}
        data-run={isTail ? source.run : undefined}
        data-total={outline.total}
        data-started={source.startedAt}
      >
        {log === undefined ? "" : <ShownLog {...{ log, ranges, notes }} />}
      </section>
      <Keys />
      <Patterns {...{ address, notes }} />
      <div id="chosen" class="chosen" data-kept="" hidden>
        <span />
        <button type="button" data-do="copy">
          Copy as text
        </button>
        <button type="button" data-do="link">
          Copy the link
        </button>
      </div>
      {isTail ? (
        <button {...{ type: "button", id: "newer", class: "newer", "data-kept": "" }} hidden>
          More was written: to the end
        </button>
      ) : (
        ""
      )}
    </>,
  );
}

/** A fold that is opened in part, for a page that has it: what is left of it before, lines, and what is left behind them. */
export async function logPart(visit: Visit, source: LogSource): Promise<Answered> {
  const address = logAddress(visit.url);
  const [, from, to] = /^(\d{1,12})-(\d{1,12})$/.exec(visit.url.searchParams.get("fold") ?? "") ?? [];
  const outline = await outlineOf(visit.api, source);
  const gap = { from: Number(from ?? 1), to: Math.min(Number(to ?? outline.total), outline.total) };
  const wanted = address.chosen ?? gap;
  const begin = Math.max(gap.from, wanted.from);
  const range = { from: begin, to: Math.min(gap.to, wanted.to, begin + perFold - 1) };
  const notes = notesOf(source, address, outline);
  if (range.from > range.to) return visit.fragment("");
  const log = await visit.api.exact<LogLinesDocument>(`${source.api}/log/lines`, { ranges: textOf([range]) });
  const last = log.lines.at(-1)?.number ?? range.from - 1;
  const { total } = outline;
  return visit.fragment(
    <>
      <Fold {...{ gap: { from: gap.from, to: range.from - 1 }, total, address }} />
      <Lines lines={log.lines} notes={notes} />
      <Fold {...{ gap: { from: last + 1, to: gap.to }, total, address }} />
    </>,
  );
}

/** Of a run that has no record, because it never began, the log is empty. */
async function outlineOf(api: Visit["api"], source: LogSource): Promise<LogOutlineDocument> {
  try {
    return await api.exact<LogOutlineDocument>(`${source.api}/log/outline`);
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.problem.code !== "unknown-run") throw error;
    return { chapters: [], suspects: [], suspected: 0, total: 0, size: 0, isOpen: false };
  }
}

function isShownFolded(
  { isFailed }: LogSource,
  { show }: LogAddress,
  { total }: LogOutlineDocument,
): boolean {
  return total > minFolded && (show === undefined ? isFailed : show === "failed");
}

function plainRange({ total }: LogOutlineDocument, first: ShownRange | undefined): ShownRange {
  const wanted = first === undefined ? total - perPage + 1 : first.from - before;
  const from = Math.max(1, Math.min(wanted, total));
  return { from, to: Math.max(from, Math.min(total, from + perPage - 1)) };
}

function rangeOf(matches: LogMatchesDocument | undefined): ShownRange | undefined {
  const first = matches?.lines[0]?.number;
  return first === undefined ? undefined : { from: first, to: first };
}

function textOf(ranges: readonly ShownRange[]): string {
  return ranges.map(({ from, to }) => `${from}-${to}`).join(",");
}

function notesOf({ startedAt }: LogSource, address: LogAddress, outline: LogOutlineDocument): LineNotes {
  return {
    ...{ address, startedAt, found: new Set<number>() },
    suspects: new Set(outline.suspects),
    chapters: new Set(outline.chapters.map(({ line }) => line)),
  };
}

/** What is found; `undefined` for what is no expression. */
async function found(
  { api }: Visit,
  source: LogSource,
  { find, isExpression, from }: LogAddress,
): Promise<LogMatchesDocument | undefined> {
  try {
    const query = { text: find, regex: isExpression ? "true" : undefined, first: from };
    return await api.exact(`${source.api}/log/matches`, query);
  } catch (error) {
    if (error instanceof ApiFailure && error.problem.code === "invalid-request") return undefined;
    throw error;
  }
}

interface BarProps {
  readonly source: LogSource;
  readonly address: LogAddress;
  readonly outline: LogOutlineDocument;
  readonly isFolded: boolean;
}

function Bar({ source, address, outline, isFolded }: BarProps) {
  const { find, isExpression, times, isWrapped, chosen } = address;
  const isEnd = !isFolded && chosen === undefined && find === "";
  const place = (words: string, to: Readonly<Record<string, string>>, isHere: boolean) => (
    <a href={placeIn(address, to)} aria-current={isHere ? "true" : undefined}>
      {words}
    </a>
  );
  const timeWords = { off: "no times", elapsed: "since its start", clock: "of the day" } as const;
  return (
    <div class="bar log-bar">
      <search aria-label="In the log">
        <form action={source.page}>
          <input
            {...{ type: "search", name: "find", value: find, maxlength: 500, id: "find" }}
            aria-label="Find in the log"
          />
          <label>
            <input type="checkbox" name="regex" value="true" checked={isExpression} /> expression
          </label>
          <input type="hidden" name="times" value={times} disabled={times === "off"} />
          <input type="hidden" name="wrap" value="no" disabled={isWrapped} />
          <button type="submit">Find</button>
        </form>
      </search>
      <nav aria-label="Places in the log" class="choice">
        {place("Beginning", { lines: "1" }, chosen?.from === 1)}
        {outline.suspected === 0 ? "" : place("What went wrong", { show: "failed" }, isFolded)}
        {place(source.run === undefined ? "End" : "End, live", { show: "end" }, isEnd)}
      </nav>
      <nav aria-label="Times of lines" class="choice" data-times>
        {timeModes.map((mode) => (
          <a
            {...{ href: address.with({ times: mode === "off" ? undefined : mode }), "data-mode": mode }}
            aria-current={mode === times ? "true" : undefined}
          >
            {timeWords[mode]}
          </a>
        ))}
      </nav>
      <nav aria-label="Long lines" class="choice" data-wrap>
        {[true, false].map((wraps) => (
          <a
            {...{
              href: address.with({ wrap: wraps ? undefined : "no" }),
              "data-mode": wraps ? "" : "nowrap",
            }}
            aria-current={wraps === isWrapped ? "true" : undefined}
          >
            {wraps ? "wrapped" : "whole"}
          </a>
        ))}
      </nav>
      <span>
        <a href={`/api/v1${source.api}/log`}>Raw</a>{" "}
        <a href={`/api/v1${source.api}/log`} download={source.fileName}>
          Download
        </a>
      </span>
    </div>
  );
}

function NoExpression() {
  return (
    <p class="problem">
      That is no expression of RE2, which has neither what looks around nor what refers back, or one that
      repeats too much. Text is found as it is without <em>expression</em>.
    </p>
  );
}

interface MatchesProps {
  readonly address: LogAddress;
  readonly matches: LogMatchesDocument;
}

function Matches({ address, matches: { lines, next } }: MatchesProps) {
  const words = address.isExpression
    ? `Lines in which ${address.find} finds something`
    : `Lines with “${address.find}”`;
  return (
    <section aria-labelledby="matches" class="matches">
      <h2 id="matches">{words}</h2>
      {lines.length === 0 ? (
        <p class="empty">
          {next === undefined ? "No line has it." : `None up to line ${countOf(next - 1)}.`}
        </p>
      ) : (
        <ol tabindex={0} aria-label="Lines found">
          {lines.map(({ number, text }) => (
            <li>
              <a href={address.with({ lines: String(number) })} data-line={number}>
                {number}
              </a>{" "}
              <code>{plainLine(text).slice(0, 300)}</code>
            </li>
          ))}
        </ol>
      )}
      {next === undefined ? (
        ""
      ) : (
        <a href={address.with({ from: String(next), lines: undefined })}>Look further</a>
      )}
    </section>
  );
}

/** Chapters of a log, by which attempts are chosen as well. */
function Chapters({
  address,
  outline: { chapters, suspects },
}: {
  address: LogAddress;
  outline: LogOutlineDocument;
}) {
  if (chapters.length === 0) return "";
  const attempts = chapters.filter(({ kind }) => kind === "attempt");
  const others = chapters.filter(({ kind }) => kind !== "attempt");
  const link = (line: number, words: string) => (
    <a href={placeIn(address, { lines: String(line) })}>{words}</a>
  );
  return (
    <>
      {attempts.length === 0 ? (
        ""
      ) : (
        <nav aria-label="Attempts" class="choice">
          {link(1, "attempt 1")}
          {attempts.map(({ line, title }) => link(line, title))}
        </nav>
      )}
      {others.length === 0 ? (
        ""
      ) : (
        <details class="chapters">
          <summary>{`${countOf(others.length)} ${others.length === 1 ? "chapter" : "chapters"}`}</summary>
          <ol>
            {others.map(({ line, title }, at) => {
              const end = others[at + 1]?.line ?? Number.POSITIVE_INFINITY;
              const isSuspect = suspects.some((each) => each >= line && each < end);
              return (
                <li>
                  {link(line, plainLine(title))} <span class="quiet">{`line ${countOf(line)}`}</span>
                  {isSuspect ? <span class="tag wrong">looks wrong</span> : ""}
                </li>
              );
            })}
          </ol>
        </details>
      )}
    </>
  );
}

/** What a script makes more of where lines come while somebody looks. */
function Patterns({ address, notes }: { address: LogAddress; notes: LineNotes }) {
  const at = notes.startedAt ?? new Date(0).toISOString();
  return (
    <>
      <template id="a-line">
        <Lines lines={[{ number: 0, text: "", cut: 0, at }]} notes={notes} />
      </template>
      <template id="a-fold">
        <Fold gap={{ from: 1, to: perFold + 1 }} total={perFold + 2} address={address} />
      </template>
    </>
  );
}

function Keys() {
  return (
    <details class="keys">
      <summary>Keys, while the log has the focus</summary>
      <dl>
        {[
          ["n, p", "the next and the last line before that was found, or looks wrong"],
          ["j, k", "choose the next line, or the one before; with the shift key, more of them"],
          ["c", "copy what is chosen as text"],
          ["g, G", "to the beginning, to the end"],
          ["t, w", "times, and whether long lines are wrapped"],
          ["/", "find"],
        ].map(([keys, words]) => (
          <div>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
