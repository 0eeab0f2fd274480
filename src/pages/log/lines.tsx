import type { LogLinesDocument } from "../../server/index.ts";
import { coloring } from "../parts/ansi.ts";
import { elapsedBetween } from "../parts/elapsed.ts";
import { countOf } from "../parts/words.ts";
import { type LogAddress, placeIn } from "./address.ts";
import type { ShownRange } from "./fold.ts";

type Line = LogLinesDocument["lines"][number];

/** What is said of lines beside what is in them. */
export interface LineNotes {
  readonly address: LogAddress;
  readonly startedAt: string | undefined;
  readonly chosen?: ShownRange | undefined;
  readonly suspects: ReadonlySet<number>;
  readonly found: ReadonlySet<number>;
  readonly chapters: ReadonlySet<number>;
}

interface LinesProps {
  readonly lines: readonly Line[];
  readonly notes: LineNotes;
}

/** Lines that follow each other, as text: nothing in them is markup. */
export function Lines({ lines, notes }: LinesProps) {
  const piecesOf = coloring();
  return (
    <>
      {lines.map((line) => (
        <OneLine line={line} notes={notes}>
          {piecesOf(line.text).map(({ text, classes }) =>
            classes === undefined ? text : <span class={classes}>{text}</span>,
          )}
          {line.cut === 0 ? "" : <span class="cut">{` … ${countOf(line.cut)} bytes more, in Raw`}</span>}
        </OneLine>
      ))}
    </>
  );
}

function OneLine({
  line: { number, at },
  notes,
  children,
}: {
  line: Line;
  notes: LineNotes;
  children?: unknown;
}) {
  const { chosen, suspects, found, chapters, address, startedAt } = notes;
  const classes = [
    ...["line", chosen !== undefined && number >= chosen.from && number <= chosen.to && "marked"],
    ...[suspects.has(number) && "suspect", found.has(number) && "found", chapters.has(number) && "chapter"],
  ];
  return (
    <div class={classes.filter(Boolean).join(" ")} id={`L${number}`}>
      <a
        href={placeIn(address, { lines: String(number) })}
        class="at"
        data-line={number}
        aria-label={`Line ${number}`}
      >
        {number}
      </a>
      {at === undefined ? (
        <span class="when" />
      ) : (
        <span
          class="when"
          data-at={at}
          data-clock={at.slice(11, 19)}
          data-elapsed={elapsedBetween(Date.parse(startedAt ?? at), Date.parse(at))}
        />
      )}
      <span class="text">{children as string}</span>
    </div>
  );
}

/** Lines that are given at once where a fold is opened. */
export const perFold = 2000;
const step = 20;

interface FoldProps {
  readonly gap: ShownRange;
  readonly total: number;
  readonly address: LogAddress;
}

/** Lines that are not shown: how many, and ways to see some of them. */
export function Fold({ gap: { from, to }, total, address }: FoldProps) {
  const count = to - from + 1;
  if (count < 1) return "";
  const most = Math.min(count, perFold);
  const all = count > perFold ? countOf(perFold) : "all";
  const words = [all, `${all} of lines ${from} to ${to}`] as const;
  const link = (take: string, first: number, last: number, shown: string, label: string) => (
    <a href={placeIn(address, { lines: `${first}-${last}` })} data-take={take} aria-label={label}>
      {shown}
    </a>
  );
  return (
    <div class="fold" data-from={from} data-to={to}>
      <span class="count">{`${countOf(count)} ${count === 1 ? "line" : "lines"}`}</span>
      {from > 1 && count > step
        ? link("first", from, from + step - 1, `next ${step}`, `next ${step} lines, from line ${from} on`)
        : ""}
      {to < total && count > step
        ? link("last", to - step + 1, to, `${step} before`, `${step} before line ${to + 1}`)
        : ""}
      {from > 1
        ? link("most", from, from + most - 1, ...words)
        : link("most-before", to - most + 1, to, ...words)}
    </div>
  );
}

/** What of a log is shown: ranges of its lines, and folds for all that is between. */
export function ShownLog({
  log,
  ranges,
  notes,
}: {
  log: LogLinesDocument;
  ranges: readonly ShownRange[];
  notes: LineNotes;
}) {
  const { address } = notes;
  const parts = ranges
    .map((range) => log.lines.filter(({ number }) => number >= range.from && number <= range.to))
    .filter(({ length }) => length > 0);
  let next = 1;
  return (
    <>
      {parts.map((lines) => {
        const gap = { from: next, to: (lines[0]?.number ?? next) - 1 };
        next = (lines.at(-1)?.number ?? gap.to) + 1;
        return (
          <>
            <Fold gap={gap} total={log.total} address={address} />
            <Lines lines={lines} notes={notes} />
          </>
        );
      })}
      <Fold gap={{ from: next, to: log.total }} total={log.total} address={address} />
    </>
  );
}
