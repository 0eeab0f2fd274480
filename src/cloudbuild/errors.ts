import { type Diagnostic, inOneError } from "../diagnostics/index.ts";
import { WaybillError } from "../errors/index.ts";

/** Why a Cloud Build file could not be used. */
export type CloudBuildErrorCode = "cloudbuild-invalid";

/** A Cloud Build file that cannot be built; `diagnostics` holds everything that is wrong with it. */
export class CloudBuildError extends WaybillError<CloudBuildErrorCode> {
  override readonly name = "CloudBuildError";
  /** In the order of the file; at least one is an error. */
  readonly diagnostics: readonly Diagnostic[];

  /** @param file how messages name the file. */
  constructor(file: string, diagnostics: readonly Diagnostic[]) {
    const { message, ...details } = inOneError(diagnostics, file);
    super("cloudbuild-invalid", message, details);
    this.diagnostics = diagnostics;
  }
}
