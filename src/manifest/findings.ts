import { type Diagnostic, Findings, type RelatedPlace, type TextPosition } from "../diagnostics/index.ts";
import { type DiagnosticCode, diagnosticCodes } from "./diagnostic-codes.ts";

/** What is found in one text. */
export type ManifestFindings = Findings<DiagnosticCode>;

/** Collects what is found in a text. @param file how diagnostics name it. */
export function findingsOf(text: string, file: string): ManifestFindings {
  return new Findings<DiagnosticCode>(text, file, diagnosticCodes);
}

/** A diagnostic, with the severity of its code. */
export function diagnostic(
  code: DiagnosticCode,
  file: string,
  at: TextPosition | undefined,
  message: string,
  {
    hint,
    related,
  }: { readonly hint?: string | undefined; readonly related?: readonly RelatedPlace[] | undefined } = {},
): Diagnostic {
  return {
    code,
    severity: diagnosticCodes[code].severity,
    message,
    ...(hint === undefined ? {} : { hint }),
    file,
    ...(at === undefined ? {} : { at }),
    ...(related === undefined ? {} : { related }),
  };
}
