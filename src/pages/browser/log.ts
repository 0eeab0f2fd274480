/** Lines that are kept on a page that is followed; those before are a link away. */
const mostLines = 10_000;
/** Milliseconds between two looks for lines. */
const every = 250;

const log = document.querySelector<HTMLElement>("#log");
if (log !== null) {
  chooseLines(log);
  markChosen(log);
  if (log.dataset.live !== undefined) follow(log);
}

/** `#1:2117-2130` are lines of the log, as Prow's page has them. */
function chosen(): readonly [number, number] | undefined {
  const [, from, to] = /^#(?:[\w.-]+:)?(\d{1,12})(?:-(\d{1,12}))?$/.exec(location.hash) ?? [];
  return from === undefined ? undefined : [Number(from), Number(to ?? from)];
}

/** Shows lines of the address, which are on another page perhaps. */
function markChosen(log: HTMLElement): void {
  const range = chosen();
  if (range === undefined) return;
  const [from, to] = range;
  const first = log.querySelector(`#L${from}`);
  if (first === null && new URLSearchParams(location.search).get("lines") !== String(from)) {
    location.replace(`${location.pathname}?lines=${from}-${to}${location.hash}`);
    return;
  }
  for (const line of log.querySelectorAll(".line.marked")) line.classList.remove("marked");
  for (let number = from; number <= Math.min(to, from + mostLines); number++) {
    log.querySelector(`#L${number}`)?.classList.add("marked");
  }
  first?.scrollIntoView({ block: "center" });
}

/** A line is chosen by its number; with the shift key, all from the one before on. */
function chooseLines(log: HTMLElement): void {
  log.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>("a.at") : null;
    if (link === null) return;
    event.preventDefault();
    const line = Number(link.dataset.line);
    const [from] = event.shiftKey ? (chosen() ?? [line]) : [line];
    const [low, high] = from < line ? [from, line] : [line, from];
    history.replaceState(null, "", `#1:${low === high ? low : `${low}-${high}`}`);
    markChosen(log);
  });
  addEventListener("hashchange", () => markChosen(log));
}

/** Adds lines as they are written. Who reads what was before stays there. */
function follow(log: HTMLElement): void {
  const told = document.querySelector("#told");
  let next = Number(log.dataset.next);
  let isReading = false;
  let isDue = false;
  const isAtEnd = (): boolean => innerHeight + scrollY >= document.documentElement.scrollHeight - 40;
  /** One look at a time, and one more for what came meanwhile. */
  const read = async (): Promise<void> => {
    isDue = true;
    if (isReading) return;
    isReading = true;
    while (isDue) {
      isDue = false;
      try {
        const answer = await fetch(`/runs/${log.dataset.run}/log/part?first=${next}`);
        if (answer.ok) add(await answer.text());
        document.body.classList.toggle("stale", !answer.ok);
      } catch {
        document.body.classList.add("stale");
      }
      await new Promise((resolve) => setTimeout(resolve, every));
    }
    isReading = false;
  };
  const add = (text: string): void => {
    const part = new DOMParser().parseFromString(text, "text/html").body;
    const wasAtEnd = isAtEnd();
    for (const line of [...part.children]) {
      const number = Number(/^L(\d+)$/.exec(line.id)?.[1] ?? Number.NaN);
      // The last one may be the beginning of a line: it is asked for again.
      if (number > next) next = number;
      const before = line.id === "" ? null : log.querySelector(`#${line.id}`);
      if (before === null) log.append(line);
      else before.replaceWith(line);
    }
    while (log.childElementCount > mostLines) log.firstElementChild?.remove();
    if (wasAtEnd) scrollTo({ top: document.documentElement.scrollHeight });
  };
  const stream = new EventSource(
    `/api/v1/runs/${log.dataset.run}/log/events?from=${log.dataset.size ?? "0"}`,
  );
  stream.addEventListener("log", () => void read());
  stream.addEventListener("skipped", () => void read());
  stream.addEventListener("end", () => {
    stream.close();
    void read();
    if (told !== null) told.textContent = "The run has ended.";
  });
}
