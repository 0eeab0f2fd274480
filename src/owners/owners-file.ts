import { RE2JS } from "re2js";
import { quoted } from "../diagnostics/index.ts";
import { anything, entries, flag, mapping, orEmpty, type ValueOf } from "../schema/index.ts";
import type { OwnersFindings } from "./findings.ts";
import { names, readText } from "./names.ts";

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

const rules = { skipsEmpty: true, ignoresUnknown: true };
const people = mapping("a filter", { approvers: names, reviewers: names }, rules);
const filters = entries(orEmpty(people, {}));
const file = mapping(
  "an OWNERS file",
  {
    approvers: names,
    reviewers: names,
    required_reviewers: names,
    labels: names,
    options: mapping("options", { no_parent_owners: flag }, { ignoresUnknown: true }),
    // They are read only where they count.
    filters: anything,
  },
  rules,
);

/**
 * Reads an `OWNERS` file as Prow does: people at the top, or below `filters` by regular expressions in Go's syntax. Labels,
 * emeritus approvers and unknown keys mean nothing. A filter that is no expression is left out, and told; what else is wrong
 * makes the whole file useless.
 */
export function parseOwnersFile(findings: OwnersFindings): OwnersFile {
  const read = readText(orEmpty(file, {}), findings) ?? {};
  const noParentOwners = read.options?.no_parent_owners ?? false;
  const own = ruleOf(read);
  // Filters count in a file that has nobody and no label at the top.
  const top = [own.approvers, own.reviewers, read.required_reviewers ?? [], read.labels ?? []].flat();
  if (top.length > 0) return { rules: [own], noParentOwners };
  if (read.filters === undefined) return { rules: [], noParentOwners };
  const found = filters.read(read.filters, { findings, path: "filters" }) ?? [];
  const rules = found.flatMap(({ key, value }): OwnersRule[] => {
    const rule = ruleOf(value);
    if (key.value === ".*") return [rule];
    const matches = expression(key.value);
    if (matches !== undefined) return [{ ...rule, matches }];
    findings.report("invalid-filter", key.start, `the filter ${quoted(key.value)} is no expression`);
    return [];
  });
  return { rules, noParentOwners };
}

function ruleOf({ approvers = [], reviewers = [] }: ValueOf<typeof people>): OwnersRule {
  return { approvers, reviewers };
}

/** Characters of a filter; those that are known have fewer than a hundred. */
const maxFilterLength = 1000;

/** Go's expressions, in the time that they take there: one from outside must not hold everything up. */
function expression(pattern: string): ((path: string) => boolean) | undefined {
  if (pattern.length > maxFilterLength) return undefined;
  try {
    const compiled = RE2JS.compile(pattern);
    return (path) => compiled.matcher(path).find();
  } catch {
    return undefined;
  }
}
