import { Idiomorph } from "idiomorph";
import { durationInWords } from "../parts/duration.ts";

/** Milliseconds in which changes are gathered before the page is read anew, and between two readings at least. */
const gathered = 25;
const rest = 150;
/** Milliseconds before a stream that was refused is asked for again: at first, and at most. */
const firstPause = 1000;
const longestPause = 30_000;
const minute = 60_000;
/** What a stream tells of the one run that it was asked for. */
const ofRuns = ["log", "events", "skipped", "skipped-events", "end", "promotion"] as const;

const inZone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const units = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

showTimes(document);
showCopies(document);
for (const name of ["focusin", "focusout"]) document.addEventListener(name, showOwnTime);
document.addEventListener("click", copyTable);
setInterval(() => showTimes(document), minute / 2);
setInterval(() => showDurations(document), 1000);
const main = document.querySelector("main");
if (main?.dataset.live !== undefined) followChanges(main);

/** Puts moments into the reader's zone, and says how long ago they were. */
function showTimes(within: ParentNode): void {
  for (const each of within.querySelectorAll("time")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const seconds = (at.getTime() - Date.now()) / 1000;
    const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
    const shown = relative.format(Math.round(seconds / size), unit);
    each.dataset.shown = shown;
    if (each.textContent !== shown && each !== document.activeElement) each.textContent = shown;
    each.title = `${inZone.format(at)} · ${each.dateTime}`;
    // What a pointer finds out by resting on it, the keyboard does by going there.
    each.tabIndex = 0;
  }
}

/** A moment that has the focus is exact. */
function showOwnTime({ target, type }: Event): void {
  if (!(target instanceof HTMLTimeElement)) return;
  target.textContent = type === "focusin" ? target.title : (target.dataset.shown ?? target.title);
}

/** Durations of what goes on grow while they are looked at. */
function showDurations(within: ParentNode): void {
  for (const each of within.querySelectorAll<HTMLElement>(".duration[data-since]")) {
    const shown = durationInWords(Date.now() - Date.parse(each.dataset.since ?? ""));
    if (each.textContent !== shown) each.textContent = shown;
  }
}

/**
 * Reads the page anew when something has happened, and changes what is otherwise: what has the focus keeps it. The page has one stream,
 * whatever its other scripts want to be told; they hear of it as `told`.
 */
function followChanges(main: HTMLElement): void {
  const { about, stream: asked = "" } = main.dataset;
  const isOpenedHere = asked !== "later";
  let wanted = isOpenedHere ? asked : "";
  /** Up to where the stream has told what a run has written. */
  let last = "";
  let isDue = false;
  let isReading = false;
  let took = 0;
  let ended = Number.NEGATIVE_INFINITY;
  /** Says that the page is as it was, to those as well who do not see it. */
  const stale = (isStale: boolean): void => {
    if (document.body.classList.contains("stale") === isStale) return;
    document.body.classList.toggle("stale", isStale);
    say(isStale ? "The server does not answer" : "The server answers again");
  };
  const read = async (): Promise<void> => {
    if (isReading) {
      isDue = true;
      return;
    }
    isReading = true;
    const begun = performance.now();
    const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => undefined);
    const text = answer?.ok === true ? await answer.text().catch(() => undefined) : undefined;
    isReading = false;
    ended = performance.now();
    took = ended - begun;
    stale(text === undefined);
    if (answer?.redirected === true) location.assign(answer.url);
    else if (text !== undefined) renew(main, text);
    if (isDue) {
      isDue = false;
      soon();
    }
  };
  let isWaiting = false;
  const soon = (): void => {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(
      () => {
        isWaiting = false;
        void read();
      },
      // At once after a while of nothing; and what takes a server long is asked for less often.
      Math.max(gathered, ended + Math.max(rest, 5 * took) - performance.now()),
    );
  };
  /** Whether a change is one that the page shows. */
  const isAbout = ({ data }: MessageEvent<string>): boolean =>
    about === undefined || (JSON.parse(data) as { readonly id?: string }).id === about;
  let stream: EventSource | undefined;
  let pause = firstPause;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  const close = (): void => {
    clearTimeout(reopening);
    stream?.close();
    stream = undefined;
  };
  const open = (): void => {
    close();
    const place = last === "" ? "" : `&after=${last}`;
    const opened = new EventSource(`/api/v1/events?${wanted}${place}`);
    stream = opened;
    // The first `reset` says that the stream has begun. What has changed between the making of the page and that was told to nobody; a page
    // of all runs is told of the queue right then, and read anew by that.
    let isFirst = true;
    stream.addEventListener("reset", () => {
      if (!isFirst || about !== undefined) soon();
      isFirst = false;
    });
    stream.addEventListener("run", (event) => {
      tell("run", event.data);
      if (isAbout(event)) soon();
    });
    for (const name of ["queue", "review"]) {
      stream.addEventListener(name, () => {
        if (about === undefined) soon();
      });
    }
    for (const name of ofRuns) {
      stream.addEventListener(name, ({ data, lastEventId }: MessageEvent<string>) => {
        last = lastEventId;
        tell(name, data);
      });
    }
    stream.addEventListener("error", () => {
      stale(true);
      // A browser comes again by itself only where there was no answer, and not after one that is no stream. Not all at once.
      if (opened.readyState !== EventSource.CLOSED || stream !== opened) return;
      reopening = setTimeout(open, pause * (0.5 + Math.random() / 2));
      pause = Math.min(longestPause, 2 * pause);
    });
    stream.addEventListener("open", () => {
      pause = firstPause;
      if (document.body.classList.contains("stale")) soon();
    });
  };
  // Another script of the page knows only later from where on it wants to be told what.
  document.addEventListener("follow", (event) => {
    [wanted, last] = [(event as CustomEvent<string>).detail, ""];
    if (!document.hidden) open();
  });
  // A page that nobody sees holds no connection: a browser has six for all pages of a server.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (stream === undefined && isOpenedHere) {
      open();
      soon();
    }
  });
  if (!document.hidden && isOpenedHere) open();
}

function tell(event: string, data: string): void {
  document.dispatchEvent(new CustomEvent("told", { detail: { event, data } }));
}

function renew(main: HTMLElement, text: string): void {
  const other = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  if (other === null) return;
  showTimes(other);
  showDurations(other);
  showCopies(other);
  // What somebody has opened, or closed, stays so.
  for (const each of other.querySelectorAll<HTMLDetailsElement>("details[id]")) {
    const shown = document.getElementById(each.id);
    if (shown instanceof HTMLDetailsElement) each.open = shown.open;
  }
  // What another script has made stays as it is.
  const beforeNodeMorphed = (node: Node): boolean => !(node instanceof HTMLElement && "kept" in node.dataset);
  void Idiomorph.morph(main, other, {
    ...{ restoreFocus: true, ignoreActiveValue: true },
    callbacks: { beforeNodeMorphed },
  });
}

/** Copying is what only a script can do, so that only a script shows its buttons. */
function showCopies(within: ParentNode): void {
  for (const each of within.querySelectorAll<HTMLElement>("[data-copy]")) each.hidden = false;
}

/** Takes a table as text, which spreadsheets and chats read: a line for each row, tabs between the cells. */
function copyTable(event: Event): void {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  const table = button?.closest(".table")?.querySelector("table");
  if (table === null || table === undefined) return;
  const cells = (row: HTMLTableRowElement): readonly string[] =>
    [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, " ").trim());
  const text = [...table.rows].map((row) => `${cells(row).join("\t")}\n`).join("");
  // A page over plain HTTP from elsewhere has no clipboard.
  const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
  copied.then(
    () => say(`Copied: ${table.rows.length - 1} ${table.rows.length === 2 ? "row" : "rows"}`),
    () => {
      getSelection()?.selectAllChildren(table);
      say("The browser lets nobody copy here: the table is chosen, copy it by its menu");
    },
  );
}

/** Tells what has happened, to those as well who do not see it. */
function say(words: string): void {
  const told = document.querySelector("#told");
  if (told !== null) told.textContent = words;
}
