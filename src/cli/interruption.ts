import { WaybillError } from "../errors/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import type { Session } from "./session.ts";

/** What signals ask for while work is under way that should not be cut off in the middle. */
export interface Interruption {
  /** Aborted by the first signal: nothing more is begun. */
  readonly stop: AbortSignal;
  /** Aborted by the second one, or when the time for what was under way is over: that is given up. */
  readonly cut: AbortSignal;
  /** Says what is waited for, when that is known: `2 images`. */
  describe: () => string | undefined;
}

/** The work was stopped, and there is no result that could say how far it came. */
export class Interrupted extends WaybillError<"interrupted"> {
  override readonly name = "Interrupted";
}

/** All that ask a program to end, and leave it time to do so. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Milliseconds after which a process ends that gave up what was under way, and still has not ended. */
const lastResort = 5_000;

/**
 * Does work that signals end in an orderly way: the first asks to begin nothing more, and leaves what is under way the
 * time that `--grace` gives it; the second ends that, too. Either way the work comes to its result, which says what was
 * done. A third one, before that, ends the process as if there were none of this.
 * @throws {WaybillError} `interrupted` in place of what the work throws once it was stopped.
 */
export async function interruptible(
  { terminal, grace }: Session,
  work: (interruption: Interruption) => Promise<ExitCode>,
): Promise<ExitCode> {
  const stop = new AbortController();
  const cut = new AbortController();
  const interruption: Interruption = { stop: stop.signal, cut: cut.signal, describe: () => undefined };
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(timer);
    for (const signal of signals) process.removeListener(signal, onSignal);
  };
  const giveUp = (): void => {
    end();
    setTimeout(() => process.exit(exitCodes.interrupted), lastResort).unref();
    cut.abort();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted || grace === 0) {
      terminal.warn(`${signal}: giving up what is under way`);
      stop.abort();
      giveUp();
      return;
    }
    const what = interruption.describe() ?? "what is under way";
    const again = signal === "SIGINT" ? "Ctrl-C again" : "a second signal";
    terminal.warn(`${signal}: waiting ${inSeconds(grace)} at most for ${what}; ${again} ends it at once`);
    timer = setTimeout(() => {
      terminal.warn(`the ${inSeconds(grace)} are over: giving up ${interruption.describe() ?? what}`);
      giveUp();
    }, grace);
    stop.abort();
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(interruption);
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    throw new Interrupted("interrupted", "stopped before it was done", {
      hint: "run it again: what was done stands",
      cause: thrown,
    });
  } finally {
    end();
    // The process is about to end with the result's own exit code, which a signal that comes late must not hide.
    if (stop.signal.aborted) for (const signal of signals) process.once(signal, outlive);
  }
}

function outlive(): void {
  setTimeout(() => process.exit(exitCodes.interrupted), lastResort).unref();
}

function inSeconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}
