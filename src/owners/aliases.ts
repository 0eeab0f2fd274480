import { isNullScalar } from "../yaml/index.ts";
import { entriesOf, namesOf, normalName, rootOf } from "./shape.ts";

/** Members by the name of their group. */
export type Aliases = ReadonlyMap<string, readonly string[]>;

/** Reads `OWNERS_ALIASES`: groups are lists, or, as Prow has it, mappings whose keys are the members. @throws {OwnersFault} */
export function parseAliases(text: string): Aliases {
  const groups = rootOf(text).get("aliases");
  const aliases = new Map<string, readonly string[]>();
  if (groups === undefined) return aliases;
  for (const [name, node] of entriesOf(groups, text)) {
    const isMapping = node.kind === "mapping" && !isNullScalar(node);
    const members = isMapping ? [...entriesOf(node, text).keys()].map(normalName) : namesOf(node, text);
    aliases.set(normalName(name), members);
  }
  return aliases;
}

/** Names with the groups among them replaced by their members. A group within a group is no group. */
export function expand(names: readonly string[], aliases: Aliases): readonly string[] {
  return names.flatMap((name) => aliases.get(name) ?? [name]);
}
