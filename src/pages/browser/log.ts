import { drawingOf, type LogDrawing, showClocks, takenFrom } from "./log-dom.ts";
import { followTail } from "./log-tail.ts";

/** Lines that a page has at most, whatever somebody opens. */
const mostLines = 10_000;
/** Lines that are copied at once. */
const mostCopied = 5_000;

const log = document.querySelector<HTMLElement>("#log");
if (log !== null) open(log);

function open(log: HTMLElement): void {
  const drawing = drawingOf(log);
  arrived(log);
  chooseLines(log);
  openFolds(log, drawing);
  switchModes(log);
  hearKeys(log);
  if (log.dataset.run !== undefined) followTail(log, drawing);
}

/** Lines have come into the page. They are reached by keys of the log, not each by the tabulator. */
function arrived(within: ParentNode): void {
  showClocks(within);
  for (const link of within.querySelectorAll<HTMLElement>("a.at")) link.tabIndex = -1;
}

function say(words: string): void {
  const told = document.querySelector("#told");
  if (told !== null) told.textContent = words;
}

function lineOf(log: HTMLElement, number: number): HTMLElement | null {
  return log.querySelector<HTMLElement>(`#L${number}`);
}

/** `#1:2117-2130` are lines of the log, as Prow's page has them; without a script they are in the query. */
function chosen(): readonly [number, number] | undefined {
  const words = /^#(?:[\w.-]+:)?(\d{1,12})(?:-(\d{1,12}))?$/.exec(location.hash);
  const asked = /^(\d{1,12})(?:-(\d{1,12}))?$/.exec(new URLSearchParams(location.search).get("lines") ?? "");
  const [, from, to] = words ?? asked ?? [];
  return from === undefined ? undefined : [Number(from), Number(to ?? from)];
}

/** Shows lines of the address, which are on another page perhaps. */
function markChosen(log: HTMLElement, moves = true): void {
  const bar = document.querySelector<HTMLElement>("#chosen");
  const range = chosen();
  for (const line of log.querySelectorAll(".line.marked")) line.classList.remove("marked");
  if (bar !== null) bar.hidden = range === undefined;
  if (range === undefined) return;
  const [from, to] = range;
  const first = lineOf(log, from);
  const asked = new URL(location.href).searchParams;
  if (first === null && asked.get("lines")?.split("-")[0] !== String(from)) {
    asked.set("lines", `${from}-${to}`);
    location.replace(`${location.pathname}?${asked}${location.hash}`);
    return;
  }
  for (let number = from; number <= Math.min(to, from + mostLines); number++) {
    lineOf(log, number)?.classList.add("marked");
  }
  const words = bar?.querySelector("span");
  if (words !== null && words !== undefined)
    words.textContent = from === to ? `Line ${from}` : `Lines ${from} to ${to}`;
  if (moves) first?.scrollIntoView({ block: "center" });
}

function choose(log: HTMLElement, from: number, to: number, moves: boolean): void {
  const [low, high] = from < to ? [from, to] : [to, from];
  history.replaceState(null, "", `#1:${low === high ? low : `${low}-${high}`}`);
  markChosen(log, false);
  if (moves) lineOf(log, to)?.scrollIntoView({ block: "nearest" });
}

/** A line is chosen by its number; with the shift key, all from the one before on. */
function chooseLines(log: HTMLElement): void {
  log.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>("a.at") : null;
    if (link === null || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const line = Number(link.dataset.line);
    const [from] = event.shiftKey ? (chosen() ?? [line]) : [line];
    choose(log, from, line, false);
    log.focus({ preventScroll: true });
  });
  addEventListener("hashchange", () => markChosen(log));
  const bar = document.querySelector("#chosen");
  bar?.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("button") : null;
    if (button?.dataset.do === "copy") void copyChosen(log);
    if (button?.dataset.do === "link") void copyLink(log);
  });
  if (chosen() !== undefined) markChosen(log);
}

async function copyChosen(log: HTMLElement): Promise<void> {
  const [from, last] = chosen() ?? [];
  if (from === undefined || last === undefined) return;
  const to = Math.min(last, from + mostCopied - 1);
  const lines: string[] = [];
  for (let number = from; number <= to; number++) {
    const text = lineOf(log, number)?.querySelector(".text")?.textContent;
    if (text !== undefined && text !== null) lines.push(text);
  }
  await copied(`${lines.join("\n")}\n`, `Copied: ${lines.length} ${lines.length === 1 ? "line" : "lines"}`);
}

async function copyLink(log: HTMLElement): Promise<void> {
  const [from, to] = chosen() ?? [];
  if (from === undefined || to === undefined) return;
  const lines = from === to ? `${from}` : `${from}-${to}`;
  // Without a script the query is what is gone by.
  await copied(
    `${location.origin}${log.dataset.page}?lines=${lines}#1:${lines}`,
    "Copied: the address of these lines",
  );
}

async function copied(text: string, words: string): Promise<void> {
  try {
    // A page over plain HTTP from elsewhere has no clipboard.
    await navigator.clipboard.writeText(text);
    say(words);
  } catch {
    say("The browser lets nobody copy here");
  }
}

/** Folds are opened where they are. */
function openFolds(log: HTMLElement, drawing: LogDrawing): void {
  log.addEventListener("click", async (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>("a[data-take]") : null;
    const fold = link?.closest<HTMLElement>(".fold");
    if (link === null || fold === null || fold === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const [first, last] = takenFrom(fold, link.dataset.take);
    const { from, to } = fold.dataset;
    const part = await textAt(`${log.dataset.page}/part?fold=${from}-${to}&lines=${first}-${last}`);
    if (part === undefined) return;
    const content = new DOMParser().parseFromString(part, "text/html").body;
    arrived(content);
    const above = fold.getBoundingClientRect().bottom;
    const lines = [...content.querySelectorAll<HTMLElement>(".line")];
    fold.replaceWith(...content.children);
    const anchor =
      link.dataset.take?.includes("last") === true || link.dataset.take === "most-before"
        ? lines.at(-1)
        : lines[0];
    // What was below it stays where it is when lines come above.
    if (anchor !== undefined && anchor === lines.at(-1))
      scrollBy({ top: anchor.getBoundingClientRect().bottom - above });
    anchor?.querySelector<HTMLElement>(".at")?.focus({ preventScroll: true });
    if (anchor !== undefined) bound(log, drawing, anchor);
  });
}

async function textAt(address: string): Promise<string | undefined> {
  const answer = await fetch(address).catch(() => undefined);
  document.body.classList.toggle("stale", answer?.ok !== true);
  return answer?.ok === true ? answer.text() : undefined;
}

/** Folds away what is furthest from a line, where a page has more than it may. */
function bound(log: HTMLElement, drawing: LogDrawing, near: HTMLElement): void {
  const lines = [...log.querySelectorAll<HTMLElement>(".line")];
  const excess = lines.length - mostLines;
  if (excess <= 0) return;
  const isFirst = lines.indexOf(near) > lines.length / 2;
  const edge = isFirst ? lines[excess - 1] : lines[lines.length - excess];
  if (edge === undefined) return;
  const number = Number(edge.id.slice(1));
  const range = document.createRange();
  range.selectNodeContents(log);
  if (isFirst) range.setEndAfter(edge);
  else range.setStartBefore(edge);
  range.deleteContents();
  if (isFirst) log.prepend(drawing.fold(1, number));
  else log.append(drawing.fold(number, Math.max(number, Number(log.dataset.total))));
}

/** Times and the wrapping of lines are the style's: nothing is asked for. The address says them, for whoever it is sent to. */
function switchModes(log: HTMLElement): void {
  const links = document.querySelectorAll<HTMLAnchorElement>("[data-times] a, [data-wrap] a");
  for (const link of links) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      turnOn(log, link);
    });
  }
  // Links to other places in the log were written before.
  const keepModes = ({ target }: Event): void => {
    const link = target instanceof Element ? target.closest<HTMLAnchorElement>("main a[href]") : null;
    if (link === null || link.closest("[data-times], [data-wrap]") !== null) return;
    if (link.pathname === location.pathname) link.href = withModes(log, link.href).href;
  };
  for (const name of ["click", "auxclick"]) document.addEventListener(name, keepModes, { capture: true });
}

function turnOn(log: HTMLElement, link: HTMLAnchorElement): void {
  const group = link.closest<HTMLElement>("nav");
  if (group === null) return;
  const { mode = "" } = link.dataset;
  for (const each of group.querySelectorAll("a")) each.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  const isTimes = "times" in group.dataset;
  if (isTimes) log.classList.remove("times-off", "times-elapsed", "times-clock");
  log.classList.toggle(isTimes ? `times-${mode}` : "nowrap", isTimes || mode === "nowrap");
  history.replaceState(null, "", withModes(log, location.href));
}

/** An address with what the log is shown as by now. */
function withModes({ classList }: HTMLElement, address: string): URL {
  const url = new URL(address, location.href);
  const times = classList.contains("times-elapsed")
    ? "elapsed"
    : classList.contains("times-clock")
      ? "clock"
      : "";
  for (const [name, value] of [
    ["times", times],
    ["wrap", classList.contains("nowrap") ? "no" : ""],
  ] as const) {
    if (value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    const field = document.querySelector<HTMLInputElement>(`input[type="hidden"][name="${name}"]`);
    if (field === null) continue;
    field.disabled = value === "";
    if (value !== "") field.value = value;
  }
  return url;
}

/** What the keys of the log do: only while it has the focus, so that they are nobody else's. */
function hearKeys(log: HTMLElement): void {
  const isAbove = (line: Element): boolean => line.getBoundingClientRect().top < innerHeight / 2 - 12;
  const isBelow = (line: Element): boolean => line.getBoundingClientRect().top > innerHeight / 2 + 24;
  const noted = (): HTMLElement[] => {
    const found = [...log.querySelectorAll<HTMLElement>(".line.found")];
    return found.length > 0 ? found : [...log.querySelectorAll<HTMLElement>(".line.suspect")];
  };
  const go = (line: HTMLElement | undefined): void => {
    if (line === undefined) {
      say("There are no more of them here");
      return;
    }
    const number = Number(line.id.slice(1));
    choose(log, number, number, false);
    line.scrollIntoView({ block: "center" });
  };
  const current = (): number | undefined => chosen()?.[1];
  const move = (by: number, extends_: boolean): void => {
    const [from, to] = chosen() ?? [];
    const lines = [...log.querySelectorAll<HTMLElement>(".line")];
    const at = lines.findIndex(({ id }) => id === `L${(by < 0 && !extends_ ? from : to) ?? ""}`);
    const line =
      lines[
        at === -1
          ? Math.max(
              0,
              lines.findIndex((each) => !isAbove(each)),
            )
          : at + by
      ];
    if (line === undefined) return;
    const number = Number(line.id.slice(1));
    choose(log, extends_ ? (from ?? number) : number, number, true);
  };
  const turn = (group: string): void => {
    const links = [...document.querySelectorAll<HTMLAnchorElement>(`[data-${group}] a`)];
    const at = links.findIndex((link) => link.hasAttribute("aria-current"));
    const link = links[(at + 1) % links.length];
    if (link !== undefined) turnOn(log, link);
  };
  const acts: Readonly<Record<string, () => void>> = {
    n: () =>
      go(
        noted().find((line) =>
          current() === undefined ? isBelow(line) : Number(line.id.slice(1)) > (current() ?? 0),
        ),
      ),
    p: () =>
      go(
        noted().findLast((line) =>
          current() === undefined ? isAbove(line) : Number(line.id.slice(1)) < (current() ?? 0),
        ),
      ),
    j: () => move(1, false),
    k: () => move(-1, false),
    J: () => move(1, true),
    K: () => move(-1, true),
    c: () => void copyChosen(log),
    g: () => log.querySelector(".line, .fold")?.scrollIntoView({ block: "center" }),
    G: () => log.lastElementChild?.scrollIntoView({ block: "end" }),
    t: () => turn("times"),
    w: () => turn("wrap"),
    "/": () => document.querySelector<HTMLElement>("#find")?.focus(),
  };
  log.addEventListener("keydown", (event) => {
    const act = acts[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}
