import type { Diagnostic } from "../diagnostics/index.ts";
import type { CodeOwnersSection } from "./codeowners.ts";
import { type Aliases, expand, normalName } from "./names.ts";
import type { OwnersFile } from "./owners-file.ts";

/** Who may say yes to a change of one file. Names are in lower case, teams as `org/team`. */
export interface FileOwners {
  readonly file: string;
  /** Those who may approve it, in the order of their names; nobody may where the list is empty. */
  readonly approvers: readonly string[];
  readonly reviewers: readonly string[];
  /** Files that say so, the nearest one first; `CODEOWNERS` with the line. */
  readonly by: readonly string[];
  /** Approvals that are needed: so many of each list. One of all approvers, but for sections of GitLab. */
  readonly needed: readonly { readonly anyOf: readonly string[]; readonly approvals: number }[];
}

/** Who owns which file, at one state of a repository. */
export interface OwnersRules {
  /** For files by their paths in the repository, in the order that they are asked for. */
  ownersOf(files: readonly string[]): readonly FileOwners[];
  /**
   * Of the files, those that lack an approval when these users have given theirs.
   * @param users one entry for each person: a name, or a name with those of the teams and addresses that count for it.
   */
  uncovered(files: readonly string[], users: readonly (string | readonly string[])[]): readonly string[];
  /** What is wrong with the files that say so. A file that cannot be used gives nobody any right. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Owners by what each file finds; a path that does not lead straight down is nobody's. */
export function ownersBy(
  find: (file: string, segments: readonly string[]) => FileOwners,
  diagnostics: readonly Diagnostic[],
): OwnersRules {
  const ownerOf = (file: string): FileOwners => {
    const segments = file.split("/");
    const isSound = segments.every((segment) => segment !== "" && segment !== "." && segment !== "..");
    return isSound ? find(file, segments) : { file, approvers: [], reviewers: [], by: [], needed: [] };
  };
  return {
    ownersOf: (files) => files.map(ownerOf),
    uncovered(files, users) {
      const people = personsOf(users);
      return files.filter((file) => {
        const { needed } = ownerOf(file);
        const isCovered = ({ anyOf, approvals }: FileOwners["needed"][number]): boolean =>
          people.filter((names) => anyOf.some((name) => names.has(name))).length >= approvals;
        return needed.length === 0 || !needed.every(isCovered);
      });
    },
    diagnostics,
  };
}

/** The names of each person. Who is named twice is one person, and gives one approval. */
function personsOf(users: readonly (string | readonly string[])[]): ReadonlySet<string>[] {
  const people = new Map<string, Set<string>>();
  for (const user of users) {
    const [first, ...others] = [user].flat().map(normalName);
    if (first === undefined) continue;
    const names = people.get(first) ?? new Set([first]);
    for (const name of others) names.add(name);
    people.set(first, names);
  }
  return [...people.values()];
}

/**
 * Owners by the `OWNERS` files of Prow: all approvers on the way up count, until a file says that those above do not.
 * @param files by folder, the top as `""`; a file in a folder that was not looked at is nobody's. A file that cannot be
 * used ends the way, because nobody knows whether it would have.
 */
export function prowOwners(
  files: ReadonlyMap<string, OwnersFile | "missing" | "unusable">,
  aliases: Aliases,
  diagnostics: readonly Diagnostic[],
): OwnersRules {
  const find = (file: string, segments: readonly string[]): FileOwners => {
    const people = { approvers: new Set<string>(), reviewers: new Set<string>() };
    const open = { approvers: true, reviewers: true };
    const by: string[] = [];
    for (let depth = segments.length - 1; depth >= 0; depth -= 1) {
      const folder = segments.slice(0, depth).join("/");
      const owners = files.get(folder);
      if (owners === "missing") continue;
      if (owners === undefined || owners === "unusable") break;
      const path = segments.slice(depth).join("/");
      for (const role of ["approvers", "reviewers"] as const) {
        if (!open[role]) continue;
        for (const { matches, ...rule } of owners.rules) {
          if (matches !== undefined && !matches(path)) continue;
          for (const name of expand(rule[role], aliases)) people[role].add(name);
          if (rule[role].length > 0 && !by.includes(nameOf(folder))) by.push(nameOf(folder));
        }
        if (owners.noParentOwners && people[role].size > 0) open[role] = false;
      }
    }
    const approvers = [...people.approvers].sort();
    const needed = approvers.length === 0 ? [] : [{ anyOf: approvers, approvals: 1 }];
    return { file, approvers, reviewers: [...people.reviewers].sort(), by, needed };
  };
  return ownersBy(find, diagnostics);
}

function nameOf(folder: string): string {
  return folder === "" ? "OWNERS" : `${folder}/OWNERS`;
}

/** Owners by a `CODEOWNERS` file. */
export function codeOwners(
  name: string,
  sections: readonly CodeOwnersSection[],
  diagnostics: readonly Diagnostic[],
): OwnersRules {
  const find = (file: string, segments: readonly string[]): FileOwners => {
    const found = sections.flatMap(({ rules, isOptional, approvals }) => {
      const rule = rules.findLast(({ matches }) => matches(segments));
      return rule === undefined ? [] : [{ ...rule, isOptional, approvals }];
    });
    const required = found.filter(({ isOptional }) => !isOptional);
    const counted = required.length > 0 ? required : found;
    const owners = [...new Set(found.flatMap((rule) => rule.owners))].sort();
    return {
      file,
      approvers: owners,
      reviewers: owners,
      by: found.map(({ line }) => `${name}:${line}`),
      needed: counted.map((rule) => ({ anyOf: [...new Set(rule.owners)].sort(), approvals: rule.approvals })),
    };
  };
  return ownersBy(find, diagnostics);
}
