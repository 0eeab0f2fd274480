import { coloring } from "../parts/ansi.ts";
import type { LogDrawing } from "./log-dom.ts";

/** Lines of the end that are shown while they come, and those that somebody who reads further up gets below them. */
const shownAtEnd = 1_000;
const shownBelow = 5_000;
/** Characters of a line that are shown. */
const maxLine = 16 * 1024;
/** Milliseconds between two drawings, and between two times that the end is asked for anew. */
const drawEvery = 100;
const askEvery = 1_000;

interface ComingLine {
  readonly number: number;
  readonly text: string;
  readonly cut: number;
  readonly at: number;
}

interface AnsweredLines {
  readonly lines: readonly {
    readonly number: number;
    readonly text: string;
    readonly cut: number;
    readonly at?: string;
  }[];
  readonly total: number;
  readonly size: number;
  readonly isOpen: boolean;
}

/**
 * Adds what is written to a log. Work and memory are those of the lines that are seen, however many come: those in between are never drawn.
 * Who reads further up stays there.
 */
export function followTail(log: HTMLElement, drawing: LogDrawing): void {
  const { run = "", api = "" } = log.dataset;
  const newer = document.querySelector<HTMLButtonElement>("#newer");
  let piecesOf = coloring();
  /** Lines that have ended and are not drawn. */
  let kept: ComingLine[] = [];
  /** Whether there were more of them than are kept. */
  let isTorn = false;
  /** The line that has not ended, with what of it is too long to be shown. */
  let next = 1;
  let open = "";
  let openCut = 0;
  let openLine: HTMLElement | undefined;
  let drawn = log.querySelectorAll(".line").length;
  let isDue = false;

  const isAtEnd = (): boolean => innerHeight + scrollY >= document.documentElement.scrollHeight - 40;
  const take = (number: number, text: string, cut = 0, at = Date.now()): void => {
    const shown = text.length > maxLine ? text.slice(0, maxLine) : text;
    kept.push({ number, text: shown, cut: cut + text.length - shown.length, at });
  };
  const add = (text: string): void => {
    let begin = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", begin)) {
      take(
        next++,
        open + text.slice(begin, Math.min(end, begin + maxLine)),
        openCut + Math.max(0, end - begin - maxLine),
      );
      [open, openCut] = ["", 0];
      begin = end + 1;
    }
    const rest = text.length - begin;
    const room = Math.max(0, maxLine - open.length);
    open += text.slice(begin, begin + room);
    openCut += Math.max(0, rest - room);
    if (kept.length > shownAtEnd) {
      // Nobody sees what is before these.
      kept = kept.slice(-shownAtEnd);
      isTorn = true;
    }
    soon();
  };
  const soon = (): void => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      draw(isAtEnd());
    }, drawEvery);
  };
  const draw = (follows: boolean): void => {
    if (!follows && (isTorn || drawn + kept.length > shownBelow)) {
      if (newer !== null) newer.hidden = false;
      return;
    }
    if (newer !== null) newer.hidden = true;
    openLine?.remove();
    openLine = undefined;
    const [lines, first] = [kept, kept[0]?.number ?? next];
    if (isTorn) {
      log.replaceChildren(...(first > 1 ? [drawing.fold(1, first - 1)] : []));
      [drawn, piecesOf] = [0, coloring()];
    }
    [kept, isTorn] = [[], false];
    const fragment = document.createDocumentFragment();
    for (const { text, ...line } of lines) fragment.append(drawing.line({ ...line, pieces: piecesOf(text) }));
    if (open !== "") {
      openLine = drawing.line({ number: next, pieces: coloring()(open), cut: openCut, at: Date.now() });
      fragment.append(openLine);
    }
    log.append(fragment);
    drawn += lines.length;
    if (follows && drawn > shownAtEnd) trim();
    if (follows) scrollTo({ top: document.documentElement.scrollHeight });
  };
  /** Folds lines away that are above those of the end. */
  const trim = (): void => {
    const first = log.querySelector(`#L${next - shownAtEnd}`);
    if (first === null) return;
    const range = document.createRange();
    range.setStart(log, 0);
    range.setEndBefore(first);
    range.deleteContents();
    log.prepend(drawing.fold(1, next - shownAtEnd - 1));
    drawn = shownAtEnd;
  };

  /** Asks for the end, and to be told what comes behind it. */
  const ask = async (): Promise<void> => {
    const last = Number(/\d+$/.exec(log.querySelector(".line:last-of-type")?.id ?? "")?.[0] ?? 0);
    const answered = async (query: string): Promise<AnsweredLines | undefined> => {
      const answer = await fetch(`${api}/log/lines?${query}`).catch(() => undefined);
      // A run that has not begun has no log.
      if (answer?.status === 404) return { lines: [], total: 0, size: 0, isOpen: false };
      return answer?.ok === true ? ((await answer.json()) as AnsweredLines) : undefined;
    };
    let end = await answered(`first=${Math.max(1, last)}&count=${shownAtEnd}`);
    const isFar = end !== undefined && (end.lines.at(-1)?.number ?? end.total) < end.total;
    if (isFar) end = await answered(`count=${shownAtEnd}`);
    document.body.classList.toggle("stale", end === undefined);
    if (end === undefined) {
      setTimeout(() => void ask(), askEvery);
      return;
    }
    const { lines, total, size, isOpen } = end;
    const ended = isOpen ? lines.slice(0, -1) : lines;
    const rest = isOpen ? lines.at(-1) : undefined;
    [kept, isTorn, next, open, openCut] = [
      [],
      isFar,
      isOpen ? total : total + 1,
      rest?.text ?? "",
      rest?.cut ?? 0,
    ];
    openLine?.remove();
    openLine = undefined;
    for (const { number, text, cut, at } of ended) {
      if (!isFar && number <= last && log.querySelector(`#L${number}`) !== null && !(number === last))
        continue;
      if (number === last) log.querySelector(`#L${number}`)?.remove();
      take(number, text, cut, at === undefined ? undefined : Date.parse(at));
    }
    if (isOpen && rest?.number === last) log.querySelector(`#L${last}`)?.remove();
    drawn = log.querySelectorAll(".line").length;
    draw(isFar || isAtEnd());
    document.dispatchEvent(new CustomEvent("follow", { detail: `run=${run}&log=${size}` }));
  };
  let isOver = false;
  let isAsking = false;
  const askSoon = (): void => {
    if (isAsking || isOver) return;
    isAsking = true;
    setTimeout(() => {
      isAsking = false;
      void ask();
    }, askEvery);
  };

  document.addEventListener("told", (told) => {
    const { event, data } = (told as CustomEvent<{ readonly event: string; readonly data: string }>).detail;
    if (event === "log") add(JSON.parse(data) as string);
    if (event === "skipped") askSoon();
    if (event === "end" && !isOver) {
      isOver = true;
      soon();
      const status = document.querySelector("#told");
      if (status !== null) status.textContent = "The run has ended.";
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !isOver) void ask();
  });
  newer?.addEventListener("click", () => draw(true));
  scrollTo({ top: document.documentElement.scrollHeight });
  void ask();
}
