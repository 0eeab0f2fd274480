import { dirname, resolve } from "node:path";
import { type Diagnostic, type DiagnosticCodes, Findings } from "../diagnostics/index.ts";
import { documentCodes, readDocument, shapeCodes } from "../schema/index.ts";
import { invalidSettings } from "./errors.ts";
import { defaultSettings, type Settings } from "./model.ts";
import { settingsShape } from "./schema.ts";
import type { SectionShapes } from "./serve.ts";

/** Every code that a diagnostic about a `waybill.yaml` can have; all are errors. */
export const settingsCodes = { ...documentCodes, ...shapeCodes } as const satisfies DiagnosticCodes;

/**
 * The settings that a text says; `file` names it in messages and is where its paths start.
 * @throws {SettingsError} `settings-invalid`.
 */
export function parseSettings(text: string, file: string): Settings {
  const findings = new Findings(text, file, settingsCodes);
  const settings = settingsIn(findings);
  if (findings.errors > 0) throw invalidSettings(file, findings.diagnostics);
  return settings;
}

/**
 * All that is wrong with the text of a `waybill.yaml`.
 * @param file how diagnostics name it.
 * @param shapes Those of sections that other rooms know.
 */
export function checkSettings(text: string, file: string, shapes: SectionShapes): readonly Diagnostic[] {
  const findings = new Findings(text, file, settingsCodes);
  settingsIn(findings, shapes);
  return findings.diagnostics;
}

/** What a `waybill.yaml` says; all that is wrong is among the findings, and then it is not to be used. */
function settingsIn(findings: Findings<keyof typeof settingsCodes>, shapes?: SectionShapes): Settings {
  const root = readDocument(findings, "a settings file has one document")?.root;
  if (root === undefined) return defaultSettings;
  const shape = settingsShape(dirname(resolve(findings.file)), shapes);
  return shape.read(root, { findings, path: "" }) ?? defaultSettings;
}
