import type { Findings } from "../diagnostics/index.ts";
import { parseYaml, type YamlDocument, YamlSyntaxError } from "../yaml/index.ts";

/** What is found in any file, whatever its kind. */
export const documentCodes = {
  "unreadable-file": { severity: "error", summary: "A file cannot be read, or is no regular file." },
  "file-too-large": { severity: "error", summary: "A file is larger than any of its kind." },
  "not-utf8": { severity: "error", summary: "A file is not text in UTF-8." },
  "yaml-syntax": { severity: "error", summary: "A file is not YAML." },
  "second-document": { severity: "error", summary: "A file holds more than one YAML document." },
} as const;

/**
 * The YAML of a text, of which only the first document is read. That it is none, or that it goes on, is reported.
 * @param instead what to do with a second document.
 */
export function readDocument(
  findings: Findings<keyof typeof documentCodes>,
  instead: string,
): YamlDocument | undefined {
  const document = parse(findings);
  if (document?.secondDocument !== undefined)
    findings.report("second-document", document.secondDocument, "a second document starts here", instead);
  return document;
}

function parse(findings: Findings<keyof typeof documentCodes>): YamlDocument | undefined {
  try {
    return parseYaml(findings.text);
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    const marks = findings.text.search(/^<{7} /m);
    if (marks >= 0) {
      const hint = "choose what stands between <<<<<<<, ======= and >>>>>>>, and take these lines out";
      findings.report("yaml-syntax", marks, "not YAML: a merge left the marks of a conflict in it", hint);
    } else findings.report("yaml-syntax", error.offset, `not YAML: ${error.message}`, error.hint);
    return undefined;
  }
}
