import { isAbsolute, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { Diagnostic, DiagnosticCodes } from "./diagnostic.ts";
import type { TextPosition } from "./place.ts";

/** A log of SARIF 2.1.0, with the parts that Waybill writes. */
export interface SarifLog {
  readonly $schema: string;
  readonly version: "2.1.0";
  readonly runs: readonly SarifRun[];
}

/** One run of a tool, as SARIF has it. */
export interface SarifRun {
  readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly SarifRule[] } };
  readonly columnKind: "utf16CodeUnits";
  readonly invocations: readonly { readonly executionSuccessful: boolean }[];
  readonly results: readonly SarifResult[];
}

/** A code that diagnostics may have. */
export interface SarifRule {
  readonly id: string;
  readonly shortDescription: { readonly text: string };
  readonly defaultConfiguration: { readonly level: SarifLevel };
}

/** One diagnostic. */
export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: SarifLevel;
  readonly message: { readonly text: string };
  readonly locations: readonly SarifLocation[];
  readonly relatedLocations?: readonly SarifLocation[] | undefined;
}

/** A place in a file. */
export interface SarifLocation {
  readonly id?: number;
  readonly message?: { readonly text: string };
  readonly physicalLocation: {
    readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
    readonly region?: { readonly startLine: number; readonly startColumn: number } | undefined;
  };
}

/** How grave a diagnostic is. */
export type SarifLevel = "error" | "warning" | "note";

const levels = { error: "error", warning: "warning", info: "note" } as const;

/**
 * Diagnostics in the Static Analysis Results Interchange Format (OASIS, version 2.1.0), which code hosts show beside the
 * lines of a pull request.
 * @param codes every code that they may have.
 * @param root folder that locations are relative to, as a rule the top of the checkout. Files outside it get `file:`
 * locations.
 */
export function toSarif(
  diagnostics: readonly Diagnostic[],
  codes: DiagnosticCodes,
  root: string = process.cwd(),
): SarifLog {
  const rules = Object.entries(codes).map(
    ([id, { severity, summary }]): SarifRule => ({
      id,
      shortDescription: { text: summary },
      defaultConfiguration: { level: levels[severity] },
    }),
  );
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "waybill", rules } },
        columnKind: "utf16CodeUnits",
        invocations: [{ executionSuccessful: true }],
        results: diagnostics.map((found) => result(found, root, Object.keys(codes))),
      },
    ],
  };
}

function result(
  { code, severity, message, hint, file, at, related }: Diagnostic,
  root: string,
  codes: readonly string[],
): SarifResult {
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: levels[severity],
    message: { text: plain(hint === undefined ? message : `${message}. Hint: ${hint}.`) },
    locations: [location(file, at, root)],
    relatedLocations: related?.map((other, id) => ({
      id,
      message: { text: plain(other.message) },
      ...location(other.file, other.at, root),
    })),
  };
}

function location(file: string, at: TextPosition | undefined, root: string): SarifLocation {
  return {
    physicalLocation: {
      artifactLocation: artifact(file, root),
      region: at && { startLine: at.line, startColumn: at.column },
    },
  };
}

function artifact(file: string, root: string): { uri: string; uriBaseId?: string } {
  const absolute = resolve(file);
  const path = relative(resolve(root), absolute);
  if (path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path)) {
    return { uri: pathToFileURL(absolute).href };
  }
  return {
    uri: path === "" ? "." : path.split(sep).map(encodeURIComponent).join("/"),
    uriBaseId: "%SRCROOT%",
  };
}

/** Text of a manifest must not become a link: SARIF reads `[text](target)` in plain messages as one. */
function plain(text: string): string {
  return text.replace(/\[(?=[^\]]*\]\()/g, "\\[");
}
