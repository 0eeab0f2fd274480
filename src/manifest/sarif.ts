import { isAbsolute, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { TextPosition } from "../yaml/index.ts";
import { diagnosticCodes } from "./diagnostic-codes.ts";
import type { Diagnostic } from "./model.ts";

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

/** A kind of finding. */
export interface SarifRule {
  readonly id: string;
  readonly shortDescription: { readonly text: string };
  readonly defaultConfiguration: { readonly level: SarifLevel };
}

/** One finding. */
export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: SarifLevel;
  readonly message: { readonly text: string };
  readonly locations: readonly SarifLocation[];
  readonly relatedLocations?: readonly SarifLocation[];
}

/** A place in a file. */
export interface SarifLocation {
  readonly id?: number;
  readonly message?: { readonly text: string };
  readonly physicalLocation: {
    readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
    readonly region?: { readonly startLine: number; readonly startColumn: number };
  };
}

/** How grave a finding is. */
export type SarifLevel = "error" | "warning" | "note";

const levels = { error: "error", warning: "warning", info: "note" } as const;
/** Codes of findings, with the severity that each has as a rule. */
export type SarifCodes = Readonly<
  Record<string, { readonly severity: Diagnostic["severity"]; readonly summary: string }>
>;

/** A finding as far as the format shows it: a {@link Diagnostic} is one. */
export type SarifFinding = Omit<Diagnostic, "at" | "related"> & {
  readonly at?: SarifPosition;
  readonly related?: readonly {
    readonly file: string;
    readonly at?: SarifPosition;
    readonly message: string;
  }[];
};

/** A line and a column, counted from 1. */
export type SarifPosition = Pick<TextPosition, "line" | "column">;

/**
 * Findings in the Static Analysis Results Interchange Format (OASIS, version 2.1.0), which code hosts show beside the
 * lines of a pull request.
 * @param root folder that locations are relative to, as a rule the top of the checkout. Files outside it get `file:`
 * locations.
 * @param codes every code that the findings may have: those of manifests when it is left out.
 */
export function toSarif(
  { diagnostics }: { readonly diagnostics: readonly SarifFinding[] },
  root: string = process.cwd(),
  codes: SarifCodes = diagnosticCodes,
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
  { code, severity, message, hint, file, at, related }: SarifFinding,
  root: string,
  codes: readonly string[],
): SarifResult {
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: levels[severity],
    message: { text: plain(hint === undefined ? message : `${message}. Hint: ${hint}.`) },
    locations: [location(file, at, root)],
    ...(related === undefined
      ? {}
      : {
          relatedLocations: related.map((other, id) => ({
            id,
            message: { text: plain(other.message) },
            ...location(other.file, other.at, root),
          })),
        }),
  };
}

function location(file: string, at: SarifPosition | undefined, root: string): SarifLocation {
  return {
    physicalLocation: {
      artifactLocation: artifact(file, root),
      ...(at === undefined ? {} : { region: { startLine: at.line, startColumn: at.column } }),
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
