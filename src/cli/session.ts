import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Settings } from "../settings/index.ts";
import { parseDuration } from "./duration.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Outputs } from "./output.ts";
import { createTerminal, type Surroundings, type Terminal, type TerminalOptions } from "./terminal.ts";
import type { GivenLine } from "./verb.ts";

export interface GlobalOptions extends TerminalOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly grace?: string;
}

/** What a verb has to work with, beside its own arguments. */
export interface Session {
  readonly terminal: Terminal;
  /** All commands that there are, with all their options. */
  program(): CommandUnknownOpts;
  readonly outputs: Outputs;
  readonly line: GivenLine;
  /** The settings file that `--config` named. */
  readonly config?: string | undefined;
  readonly env: Surroundings["env"];
  readonly stdin: Surroundings["stdin"] | undefined;
  /** Whether somebody sits there who can be asked: at a terminal, in and out. */
  isAttended(): boolean;
  /** Milliseconds that what is under way gets to end, when a signal asks the command to. */
  readonly grace: number;
  /** Runs another command line of `waybill`, without its name; never throws. */
  run(argv: readonly string[], io: Surroundings): Promise<ExitCode>;
  /** The contents of `waybill.yaml`: the file of `--config`, or the user's own, or none. */
  settings(): Promise<Settings>;
}

/** What a run of the command works with: where it speaks, what it was told, and its settings, read when they are asked for. */
export function openSession(
  io: Surroundings,
  options: GlobalOptions,
  given: Pick<Session, "run" | "program" | "outputs" | "line">,
): Session {
  return {
    ...given,
    config: options.config,
    terminal: createTerminal(io, { ...options, json: given.outputs.printed === "json" }),
    env: io.env,
    stdin: io.stdin,
    isAttended: () => io.stderr.isTTY === true && io.stdin?.().isTTY === true,
    grace: parseDuration(options.grace ?? "30s", "--grace"),
    settings: async () => {
      const { findSettings, readSettings } = await import("../settings/index.ts");
      return readSettings(await findSettings({ explicit: options.config, environment: io.env }));
    },
  };
}

/** The words of a line that does what was asked for again, or really: with the settings that were named. */
export function againWords({ line, config }: Pick<Session, "line" | "config">): readonly string[] {
  return config === undefined ? line.words : [...line.words, "--config", config];
}
