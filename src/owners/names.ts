import {
  anything,
  either,
  entries,
  list,
  made,
  mapping,
  orEmpty,
  readDocument,
  record,
  type Shape,
  scalar,
} from "../schema/index.ts";
import type { OwnersFindings } from "./findings.ts";

/** A list of names, as they are compared. */
export const names: Shape<readonly string[]> = list(
  scalar("a name", ({ value }) => ({ value: normalName(value) })),
  { what: "a list of names" },
);

/** A name as it is compared: in lower case, without the sign that some write before it. */
export function normalName(name: string): string {
  return name.trim().toLowerCase().replace(/^@/, "");
}

/** What the text of a file says, as a shape reads it; that of an empty text is `undefined`, as it is of one with an error. */
export function readText<Value>(shape: Shape<Value>, findings: OwnersFindings): Value | undefined {
  const root = readDocument(findings, "keep one document in a file")?.root;
  return root === undefined ? undefined : shape.read(root, { findings, path: "" });
}

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
