import { quoted } from "../diagnostics/index.ts";
import type { OwnersFindings } from "./findings.ts";
import { normalName } from "./names.ts";
import { type PathPattern, pathPattern } from "./path-pattern.ts";

export interface CodeOwnersRule {
  readonly line: number;
  readonly matches: PathPattern;
  /** Users, teams as `org/team`, and addresses. Nobody owns what a line without any matches. */
  readonly owners: readonly string[];
}

/** Rules of which the last that matches counts. A file without sections is one of them. */
export interface CodeOwnersSection {
  readonly rules: readonly CodeOwnersRule[];
  /** GitLab asks for no approval here. */
  readonly isOptional: boolean;
  /** Approvals that GitLab asks for. */
  readonly approvals: number;
}

/**
 * Reads a `CODEOWNERS` file as GitHub does, and the sections of GitLab: in each of them the last rule that matches counts,
 * and each wants approvals of its own. A line that means nothing is left out, and told.
 */
export function parseCodeOwners(findings: OwnersFindings): readonly CodeOwnersSection[] {
  const sections = new Map<string, Section>();
  let current = sectionOf(sections, "");
  for (const [index, written] of findings.text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const words = wordsOf(written);
    const [first, ...owners] = words;
    if (first === undefined) continue;
    const header = /^(\^?)\[([^\]]+)\](?:\[([0-9]{1,3})\])?(?:\s+(.*))?$/.exec(written.trim());
    if (header !== null) {
      const [, optional, name = "", approvals, defaults = ""] = header;
      current = sectionOf(sections, name.trim().toLowerCase());
      if (optional === "^") current.isOptional = true;
      if (approvals !== undefined) current.approvals = Math.max(1, Number(approvals));
      current.defaults = ownersOf(wordsOf(defaults), line, findings);
    } else if (first.startsWith("!") || first.startsWith("[") || first === "/") {
      findings.report("invalid-pattern", { line, column: 1 }, `${quoted(first)} is no pattern`);
    } else {
      const named = ownersOf(owners, line, findings);
      const own = owners.length === 0 ? current.defaults : named;
      current.rules.push({ line, matches: pathPattern(first), owners: own });
    }
  }
  return [...sections.values()];
}

interface Section extends CodeOwnersSection {
  readonly rules: CodeOwnersRule[];
  isOptional: boolean;
  approvals: number;
  defaults: readonly string[];
}

/** Sections of one name are one section. */
function sectionOf(sections: Map<string, Section>, name: string): Section {
  const section = sections.get(name) ?? { rules: [], isOptional: false, approvals: 1, defaults: [] };
  sections.set(name, section);
  return section;
}

/** The words of a line up to its comment; a blank behind a backslash is part of a word. */
function wordsOf(line: string): string[] {
  const words = Array.from(line.matchAll(/(?:\\.|[^\s\\]|\\$)+/g), ([word]) => word);
  const comment = words.findIndex((word) => word.startsWith("#"));
  return comment < 0 ? words : words.slice(0, comment);
}

function ownersOf(words: readonly string[], line: number, findings: OwnersFindings): string[] {
  return words.flatMap((word) => {
    if (/^@./.test(word) || /^[^@\s]+@[^@\s]+$/.test(word)) return [normalName(word)];
    const message = `${quoted(word)} is neither a user, nor a team, nor an address`;
    findings.report("invalid-owner", { line, column: 1 }, message);
    return [];
  });
}
