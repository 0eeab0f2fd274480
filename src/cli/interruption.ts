import type { Terminal } from "./terminal.ts";

/** What Ctrl-C means while something is under way that should not be cut off in the middle. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning back. */
  end(): void;
}

/** The first Ctrl-C asks to stop, the second stops at once. Without this, the first one does. */
export function catchInterruption(terminal: Terminal): Interruption {
  const controller = new AbortController();
  const stop = (): void => {
    process.removeListener("SIGINT", stop);
    terminal.warn("stopping after what is under way; press Ctrl-C again to stop at once");
    controller.abort();
  };
  process.on("SIGINT", stop);
  return { signal: controller.signal, end: () => process.removeListener("SIGINT", stop) };
}
