import type { ColoredPiece } from "../parts/ansi.ts";
import { elapsedBetween } from "../parts/elapsed.ts";
import { countOf } from "../parts/words.ts";

/** A line as a page shows it. */
export interface DrawnLine {
  readonly number: number;
  readonly pieces: readonly ColoredPiece[];
  /** Bytes that are left out. */
  readonly cut: number;
  readonly at: number;
}

/** Draws lines and folds by the patterns that the server has put into the page. */
export interface LogDrawing {
  line(line: DrawnLine): HTMLElement;
  fold(from: number, to: number): HTMLElement;
}

/** Lines that are taken at once out of a fold. */
const most = 2000;
const step = 20;
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });

export function drawingOf(log: HTMLElement): LogDrawing {
  const started = Date.parse(log.dataset.started ?? "");
  const patternOf = (id: string): Element => {
    const pattern = document.querySelector<HTMLTemplateElement>(id)?.content.firstElementChild;
    if (pattern === null || pattern === undefined) throw new Error(`the page has no ${id}`);
    return pattern;
  };
  const [line, fold] = [patternOf("#a-line"), patternOf("#a-fold")];
  return {
    line({ number, pieces, cut, at }) {
      const drawn = line.cloneNode(true) as HTMLElement;
      const [link, when, text] = drawn.children as unknown as [HTMLAnchorElement, HTMLElement, HTMLElement];
      drawn.id = `L${number}`;
      link.textContent = String(number);
      link.dataset.line = String(number);
      link.setAttribute("aria-label", `Line ${number}`);
      link.href = addressOf(link.href, String(number));
      link.tabIndex = -1;
      when.dataset.elapsed = elapsedBetween(Number.isNaN(started) ? at : started, at);
      when.dataset.clock = clock.format(at);
      for (const { text: words, classes } of pieces) {
        if (classes === undefined) text.append(words);
        else text.append(spanOf(words, classes));
      }
      if (cut > 0) text.append(spanOf(` … ${countOf(cut)} bytes more, in Raw`, "cut"));
      return drawn;
    },
    fold(from, to) {
      const drawn = fold.cloneNode(true) as HTMLElement;
      fillFold(drawn, from, to);
      return drawn;
    },
  };
}

function spanOf(text: string, classes: string): HTMLSpanElement {
  const span = document.createElement("span");
  span.className = classes;
  span.textContent = text;
  return span;
}

/** Puts other lines into a fold. */
export function fillFold(fold: HTMLElement, from: number, to: number): void {
  fold.dataset.from = String(from);
  fold.dataset.to = String(to);
  const count = fold.querySelector(".count");
  if (count !== null) count.textContent = `${countOf(to - from + 1)} ${from === to ? "line" : "lines"}`;
  for (const link of fold.querySelectorAll<HTMLAnchorElement>("a[data-take]")) {
    const [first, last] = takenFrom(fold, link.dataset.take);
    link.href = addressOf(link.href, `${first}-${last}`);
    if (link.dataset.take?.startsWith("most") === true) {
      link.textContent = last - first === to - from ? "all" : countOf(most);
    }
    link.setAttribute("aria-label", `${link.textContent}: lines ${first} to ${last}`);
  }
}

/** The lines that a link of a fold takes out of it. */
export function takenFrom(fold: HTMLElement, take: string | undefined): readonly [number, number] {
  const [from, to] = [Number(fold.dataset.from), Number(fold.dataset.to)];
  switch (take) {
    case "first":
      return [from, Math.min(to, from + step - 1)];
    case "last":
      return [Math.max(from, to - step + 1), to];
    case "most-before":
      return [Math.max(from, to - most + 1), to];
    default:
      return [from, Math.min(to, from + most - 1)];
  }
}

/** Times of lines that the server has written, in the reader's zone. */
export function showClocks(within: ParentNode): void {
  for (const each of within.querySelectorAll<HTMLElement>(".when[data-at]")) {
    each.dataset.clock = clock.format(Date.parse(each.dataset.at ?? ""));
  }
}

function addressOf(href: string, lines: string): string {
  const url = new URL(href, location.href);
  url.searchParams.set("lines", lines);
  return `${url.pathname}${url.search}`;
}
