import type { TextPosition } from "../diagnostics/index.ts";
import { WaybillError } from "../errors/index.ts";

/** Why the settings could not be used. */
export type SettingsErrorCode = "settings-unreadable" | "settings-invalid" | "location-unusable";

/** One thing that is wrong in a settings file. */
export interface SettingsProblem {
  readonly at: TextPosition;
  readonly message: string;
  readonly hint?: string;
}

/** Settings that cannot be read or mean nothing; with `settings-invalid`, `problems` holds everything that is wrong. */
export class SettingsError extends WaybillError<SettingsErrorCode> {
  override readonly name = "SettingsError";
  /** In the order of the file; empty unless the code is `settings-invalid`. */
  readonly problems: readonly SettingsProblem[];

  constructor(
    code: SettingsErrorCode,
    message: string,
    details: { where?: string; hint?: string; cause?: unknown; problems?: readonly SettingsProblem[] } = {},
  ) {
    super(code, message, details);
    this.problems = details.problems ?? [];
  }
}

/** All problems of a file as one error: a single one reads like any other error, several make a list. */
export function invalidSettings(file: string, problems: readonly SettingsProblem[]): SettingsError {
  const [first, ...others] = problems;
  if (first !== undefined && others.length === 0) {
    return new SettingsError("settings-invalid", first.message, {
      where: placeOf(file, first),
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      problems,
    });
  }
  const lines = problems.map(
    (problem) =>
      `\n  ${placeOf(file, problem)}: ${problem.message}${problem.hint === undefined ? "" : ` (${problem.hint})`}`,
  );
  return new SettingsError("settings-invalid", `${problems.length} problems${lines.join("")}`, {
    where: file,
    problems,
  });
}

function placeOf(file: string, problem: SettingsProblem): string {
  return `${file}:${problem.at.line}:${problem.at.column}`;
}
