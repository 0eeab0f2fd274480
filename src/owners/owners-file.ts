import { RE2JS } from "re2js";
import { readBoolean, type YamlNode } from "../yaml/index.ts";
import { type OwnersDiagnostic, OwnersFault } from "./fault.ts";
import { entriesOf, lineAt, namesOf, rootOf } from "./shape.ts";

/** People of one `OWNERS` file, for all files at or below its folder, or for those whose path matches. */
export interface OwnersRule {
  /** Looks at the path from the folder of the file on; all match when it is left out. */
  readonly matches?: (path: string) => boolean;
  readonly approvers: readonly string[];
  readonly reviewers: readonly string[];
}

/** What one `OWNERS` file says. Aliases are not resolved yet. */
export interface OwnersFile {
  readonly rules: readonly OwnersRule[];
  /** What stands in folders above does not count, where this file or one below it names somebody. */
  readonly noParentOwners: boolean;
}

/**
 * Reads an `OWNERS` file as Prow does: people at the top, or below `filters` by regular expressions in Go's syntax. Labels,
 * emeritus approvers and unknown keys mean nothing. A filter that is no expression is left out, and told.
 * @throws {OwnersFault} when the whole file cannot be used.
 */
export function parseOwnersFile(
  text: string,
  tell: (found: Omit<OwnersDiagnostic, "file">) => void,
): OwnersFile {
  const root = rootOf(text);
  const noParentOwners = optionOf(root.get("options"), "no_parent_owners", text);
  const own = peopleOf(root, text);
  if (!isEmpty(root, own, text)) return { rules: [own], noParentOwners };
  const filters = root.get("filters");
  if (filters === undefined) return { rules: [], noParentOwners };
  const rules = [...entriesOf(filters, text)].flatMap(([pattern, node]): OwnersRule[] => {
    const people = peopleOf(entriesOf(node, text), text);
    if (pattern === ".*") return [people];
    const matches = expression(pattern);
    if (matches !== undefined) return [{ ...people, matches }];
    tell({
      line: lineAt(text, node.start),
      message: `the filter ${JSON.stringify(pattern.slice(0, 80))} is no expression`,
    });
    return [];
  });
  return { rules, noParentOwners };
}

function peopleOf(entries: ReadonlyMap<string, YamlNode>, text: string): OwnersRule {
  return {
    approvers: namesOf(entries.get("approvers"), text),
    reviewers: namesOf(entries.get("reviewers"), text),
  };
}

/** Filters count in a file that has nobody and no label at the top. */
function isEmpty(root: ReadonlyMap<string, YamlNode>, own: OwnersRule, text: string): boolean {
  const others = ["required_reviewers", "labels"].flatMap((key) => namesOf(root.get(key), text));
  return own.approvers.length + own.reviewers.length + others.length === 0;
}

function optionOf(options: YamlNode | undefined, name: string, text: string): boolean {
  const node = options === undefined ? undefined : entriesOf(options, text).get(name);
  if (node === undefined) return false;
  const value = readBoolean(node);
  if (value === undefined)
    throw new OwnersFault(`${name} is neither true nor false`, lineAt(text, node.start));
  return value;
}

/** Characters of a filter; those that are known have fewer than a hundred. */
const longestFilter = 1000;

/** Go's expressions, in the time that they take there: one from outside must not hold everything up. */
function expression(pattern: string): ((path: string) => boolean) | undefined {
  if (pattern.length > longestFilter) return undefined;
  try {
    const compiled = RE2JS.compile(pattern);
    return (path) => compiled.matcher(path).find();
  } catch {
    return undefined;
  }
}
