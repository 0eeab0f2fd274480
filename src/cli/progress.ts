import type { Listener } from "../events/index.ts";
import type { HostWork } from "../registry/index.ts";
import { type MeasuredEvent, ProgressTally } from "./progress-tally.ts";
import type { OutputStream, Terminal } from "./terminal.ts";

/** How far the work has come: a bar on a terminal, lines in a log, nothing when quiet. */
export interface Progress {
  /**
   * Starts a part of the work, and ends the one before; how much there is to do may turn out later.
   * @param images How many images are to be copied in it.
   */
  begin(title: string, total?: number, images?: number): void;
  /** What counted work, copying and reading tell; anything else tells nothing of how far it is. */
  listener: Listener<MeasuredEvent>;
  /** One thing that was done: a log has a line for each. */
  did(text: string): void;
  /** A host is waited for, for so many milliseconds. */
  waiting(text: string, milliseconds: number): void;
  /** Who can say which hosts owe an answer. */
  watch(underWay: () => readonly HostWork[]): void;
  /** Something else was said: a log is not silent. */
  heard(): void;
  /** What is under way right now, in words. */
  describe(): string | undefined;
  end(): void;
}

/** What time it is, and what has to be done now and then; tests have their own. */
export interface Clock {
  /** Milliseconds of the day's clock. */
  now(): number;
  /** @returns How to end it. */
  every(milliseconds: number, work: () => void): () => void;
}

const systemClock: Clock = {
  now: () => Date.now(),
  every(milliseconds, work) {
    const timer = setInterval(work, milliseconds).unref();
    return () => clearInterval(timer);
  },
};

/** Milliseconds between two lines that say in a log how it goes on, and between two looks of a bar at the clock. */
const betweenLines = 15_000;
const betweenLooks = 1_000;

export function openProgress(terminal: Terminal, clock: Clock = systemClock): Promise<Progress> | Progress {
  return terminal.canvas === undefined ? logProgress(terminal, clock) : drawProgress(terminal.canvas, clock);
}

/** Lines, also on a terminal: where others write lines as well, a bar would be drawn between them. */
export function logProgress(terminal: Terminal, clock: Clock = systemClock): Progress {
  const tally = new ProgressTally(clock.now);
  let tenths = 0;
  let heardAt = Number.NEGATIVE_INFINITY;
  let stop = (): void => {};
  return {
    begin: (title, total = 1, images = 0) => {
      stop();
      tally.begin(title, total, images);
      tenths = 0;
      terminal.note(title);
      stop = clock.every(betweenLines, () => {
        if (clock.now() - heardAt >= betweenLines) terminal.note(tally.inLog());
      });
    },
    listener: (event) => {
      tally.hear(event);
      if (event.type !== "progress") return;
      const { done, total } = event;
      const reached = Math.floor((10 * done) / total);
      if (reached <= tenths || total < 100) return;
      tenths = reached;
      terminal.note(`${tally.title}: ${done} of ${total}`);
    },
    did: (text) => terminal.note(text),
    waiting: (text, milliseconds) => {
      tally.waits(text, milliseconds);
      terminal.note(text);
    },
    watch: (underWay) => tally.watch(underWay),
    heard: () => {
      heardAt = clock.now();
    },
    describe: () => tally.describe(),
    end: () => stop(),
  };
}

/** Characters of a bar, of the shortest that tells anything, and of a terminal that does not say how wide it is. */
const maxBarLength = 24;
const minBarLength = 6;
const usualWidth = 80;

/** A line of a terminal: the bar takes what the words leave, and of those goes what there is no room for. */
function barLine(columns: number, title: string, done: number, total: number, words: string): string {
  // One that is as wide as the terminal cannot be drawn over.
  const width = columns - 1;
  const counts = `${done}/${total}`;
  const length = Math.min(maxBarLength, width - `${title}  ${counts}${words}`.length);
  const full = Math.round(length * Math.min(1, total === 0 ? 0 : done / total));
  const bar = length < minBarLength ? "" : `${"=".repeat(full)}${"-".repeat(length - full)} `;
  return `${title} ${bar}${counts}${words}`.slice(0, width);
}

async function drawProgress(canvas: OutputStream, clock: Clock): Promise<Progress> {
  const { SingleBar } = await import("cli-progress");
  const drawing = new SingleBar({
    stream: canvas as NodeJS.WritableStream,
    // What a pseudo-terminal without a size says is 0.
    format: (_, { value, total }, { title, words }) =>
      barLine(canvas.columns || usualWidth, title, value, total, words),
    clearOnComplete: true,
    // Ctrl-C ends the process in the middle of a bar: the terminal has to be as it was.
    hideCursor: false,
    linewrap: true,
  });
  const tally = new ProgressTally(clock.now);
  const draw = (): void => drawing.update({ words: tally.onTerminal() });
  let stop = (): void => {};
  return {
    begin: (title, total = 1, images = 0) => {
      stop();
      drawing.stop();
      tally.begin(title, total, images);
      drawing.start(total, 0, { title, words: "" });
      stop = clock.every(betweenLooks, draw);
    },
    listener: (event) => {
      tally.hear(event);
      if (event.type === "progress") {
        drawing.setTotal(event.total);
        drawing.update(event.done);
      } else if (event.type !== "bytes" && event.type !== "bytes-read") draw();
    },
    did: () => {},
    waiting: (text, milliseconds) => {
      tally.waits(text, milliseconds);
      draw();
    },
    watch: (underWay) => tally.watch(underWay),
    heard: () => {},
    describe: () => tally.describe(),
    end: () => {
      stop();
      drawing.stop();
    },
  };
}
