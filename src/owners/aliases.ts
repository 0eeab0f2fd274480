import { anything, either, entries, made, mapping, orEmpty, record } from "../schema/index.ts";
import type { OwnersFindings } from "./findings.ts";
import { names, normalName, readText } from "./names.ts";

/** Members by the name of their group. */
export type Aliases = ReadonlyMap<string, readonly string[]>;

const members = either(
  names,
  made(entries(anything), (all) => all.map(({ key }) => normalName(key.value))),
);

const rules = { skipsEmpty: true, ignoresUnknown: true };
const file = orEmpty(mapping("OWNERS_ALIASES", { aliases: record(orEmpty(members, [])) }, rules), {});

/** Reads `OWNERS_ALIASES`: groups are lists, or, as Prow has it, mappings whose keys are the members. */
export function parseAliases(findings: OwnersFindings): Aliases {
  const { aliases = {} } = readText(file, findings) ?? {};
  return new Map(Object.entries(aliases).map(([name, group]) => [normalName(name), group]));
}

/** Names with the groups among them replaced by their members. A group within a group is no group. */
export function expand(all: readonly string[], aliases: Aliases): readonly string[] {
  return all.flatMap((name) => aliases.get(name) ?? [name]);
}
