import type { Settings } from "../settings/index.ts";
import { parseDuration } from "./duration.ts";
import type { ExitCode } from "./exit-codes.ts";
import { createTerminal, type Surroundings, type Terminal, type TerminalOptions } from "./terminal.ts";

/** The options that every command has. */
export interface GlobalOptions extends TerminalOptions {
  readonly config?: string;
  readonly grace?: string;
}

/** What a verb has to work with, beside its own arguments. */
export interface Session {
  readonly terminal: Terminal;
  readonly env: Surroundings["env"];
  /** Milliseconds that what is under way gets to end, when a signal asks the command to. */
  readonly grace: number;
  /** Runs another command line of `waybill`, without its name; never throws. */
  run(argv: readonly string[], io: Surroundings): Promise<ExitCode>;
  /** The contents of `waybill.yaml`: the file of `--config`, or the user's own, or none. */
  settings(): Promise<Settings>;
}

/**
 * Makes a verb's work into an action of the parser. The work's arguments are the command's own, then its options;
 * what it returns becomes the exit status.
 */
export type Act = <Arguments extends unknown[]>(
  work: (session: Session, ...given: Arguments) => Promise<ExitCode>,
) => (...given: unknown[]) => Promise<void>;

export function openSession(io: Surroundings, options: GlobalOptions, run: Session["run"]): Session {
  return {
    run,
    terminal: createTerminal(io, options),
    env: io.env,
    grace: parseDuration(options.grace ?? "30s", "--grace"),
    settings: async () => {
      const { findSettings, readSettings } = await import("../settings/index.ts");
      return readSettings(await findSettings({ explicit: options.config, environment: io.env }));
    },
  };
}
