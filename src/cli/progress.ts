import type { Terminal } from "./terminal.ts";

/** How far the work has come: a bar on a terminal, lines in a log, nothing when quiet. */
export interface Progress {
  /** Starts a part of the work, and ends the one before; how much there is to do may turn out later. */
  begin(title: string, total?: number): void;
  at(done: number, total: number): void;
  /** Bytes that have gone over the wire. */
  transferred(bytes: number): void;
  /** One thing that was done: a log has a line for each. */
  did(text: string): void;
  /** A host is waited for, for so many milliseconds. */
  waiting(text: string, milliseconds: number): void;
  end(): void;
}

export function openProgress(terminal: Terminal): Promise<Progress> | Progress {
  return terminal.canvas === undefined ? logProgress(terminal) : drawProgress(terminal.canvas);
}

function logProgress(terminal: Terminal): Progress {
  let title = "";
  let tenths = 0;
  return {
    begin: (text) => {
      title = text;
      tenths = 0;
      terminal.note(title);
    },
    at: (done, total) => {
      const reached = Math.floor((10 * done) / total);
      if (reached <= tenths || total < 100) return;
      tenths = reached;
      terminal.note(`${title}: ${done} of ${total}`);
    },
    transferred: () => {},
    did: (text) => terminal.note(text),
    waiting: (text) => terminal.note(text),
    end: () => {},
  };
}

async function drawProgress(canvas: NonNullable<Terminal["canvas"]>): Promise<Progress> {
  const { SingleBar } = await import("cli-progress");
  const bar = new SingleBar({
    stream: canvas as NodeJS.WritableStream,
    format: "{title} {bar} {value}/{total}{bytes}{waiting}",
    barsize: 24,
    clearOnComplete: true,
    // Ctrl-C ends the process in the middle of a bar: the terminal has to be as it was.
    hideCursor: false,
    linewrap: true,
  });
  let bytes = 0;
  let waited: NodeJS.Timeout | undefined;
  const stopWaiting = (): void => {
    clearTimeout(waited);
    waited = undefined;
    bar.update({ waiting: "" });
  };
  return {
    begin: (title, total = 1) => {
      bar.stop();
      bar.start(total, 0, { title, bytes: "", waiting: "" });
    },
    at: (done, total) => {
      bar.setTotal(total);
      bar.update(done);
    },
    transferred: (more) => {
      bytes += more;
      bar.update({ bytes: `  ${formatBytes(bytes)}` });
    },
    did: () => {},
    waiting: (text, milliseconds) => {
      clearTimeout(waited);
      waited = setTimeout(stopWaiting, milliseconds).unref();
      bar.update({ waiting: `  ${text}` });
    },
    end: () => {
      stopWaiting();
      bar.stop();
    },
  };
}

/** Bytes as people read them, in binary units. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}
