import { type Diagnostic, inOneError } from "../diagnostics/index.ts";
import { type FailureDetails, WaybillError } from "../errors/index.ts";

/** Why the settings could not be used. */
export type SettingsErrorCode = "settings-unreadable" | "settings-invalid" | "location-unusable";

/** Settings that cannot be read or mean nothing; with `settings-invalid`, `diagnostics` holds everything that is wrong. */
export class SettingsError extends WaybillError<SettingsErrorCode> {
  override readonly name = "SettingsError";
  /** In the order of the file; empty unless the code is `settings-invalid`. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(
    code: SettingsErrorCode,
    message: string,
    details: FailureDetails & { readonly diagnostics?: readonly Diagnostic[] } = {},
  ) {
    super(code, message, details);
    this.diagnostics = details.diagnostics ?? [];
  }
}

/** All that is wrong with a file as one error. */
export function invalidSettings(file: string, diagnostics: readonly Diagnostic[]): SettingsError {
  const { message, ...details } = inOneError(diagnostics, file);
  return new SettingsError("settings-invalid", message, { ...details, diagnostics });
}
