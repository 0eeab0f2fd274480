import { type Diagnostic, Findings, type TextPosition } from "../diagnostics/index.ts";
import type { Fields } from "../schema/index.ts";
import { isNullScalar, type YamlScalar } from "../yaml/index.ts";
import { type DiagnosticCode, diagnosticCodes } from "./diagnostic-codes.ts";

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
  { hint, related }: Pick<Diagnostic, "hint" | "related"> = {},
): Diagnostic {
  return { code, severity: diagnosticCodes[code].severity, message, hint, file, at, related };
}

/**
 * The name that an image or a registry is given; `undefined` where there is none, which has been told, under its own key or
 * under that which was meant for it.
 * @param what is named, with its article. @param list is what it is an item of.
 */
export function readName(
  fields: Fields,
  start: number,
  findings: ManifestFindings,
  { what, list }: { readonly what: string; readonly list: string },
): YamlScalar | undefined {
  const node = fields.value("name");
  if (node === undefined && fields.misspelt.has("name")) return undefined;
  if (node !== undefined && node.kind !== "scalar") {
    findings.report("wrong-type", node.start, `the name of ${what} must be text`);
    return undefined;
  }
  if (node !== undefined && !isNullScalar(node) && node.value !== "") return node;
  findings.report("missing-name", node?.start ?? start, `${list}: 'name' field cannot be empty`);
  return undefined;
}
