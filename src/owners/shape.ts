import { LineIndex } from "../diagnostics/index.ts";
import { isNullScalar, parseYaml, type YamlNode, YamlSyntaxError } from "../yaml/index.ts";
import { OwnersFault } from "./fault.ts";

/**
 * The root mapping of a text, by its keys; an empty text has none.
 * @throws {OwnersFault} when it is no YAML, no mapping, or says something twice.
 */
export function rootOf(text: string): ReadonlyMap<string, YamlNode> {
  try {
    const { root, secondDocument } = parseYaml(text);
    if (secondDocument !== undefined)
      throw new OwnersFault("it holds a second document", lineAt(text, secondDocument));
    return root === undefined ? new Map() : entriesOf(root, text);
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    throw new OwnersFault(error.message, lineAt(text, error.offset));
  }
}

/** The entries of a mapping, none of null. @throws {OwnersFault} */
export function entriesOf(node: YamlNode, text: string): ReadonlyMap<string, YamlNode> {
  if (isNullScalar(node)) return new Map();
  if (node.kind !== "mapping") throw new OwnersFault("expected a mapping", lineAt(text, node.start));
  const entries = new Map<string, YamlNode>();
  for (const { key, value } of node.entries) {
    if (entries.has(key.value)) throw new OwnersFault(`${key.value} stands twice`, lineAt(text, key.start));
    entries.set(key.value, value);
  }
  return entries;
}

/** A list of names, as they are compared; none of null. @throws {OwnersFault} */
export function namesOf(node: YamlNode | undefined, text: string): string[] {
  if (node === undefined || isNullScalar(node)) return [];
  if (node.kind !== "sequence") throw new OwnersFault("expected a list of names", lineAt(text, node.start));
  return node.items.map((item) => {
    if (item.kind === "scalar" && !isNullScalar(item)) return normalName(item.value);
    throw new OwnersFault("expected a name", lineAt(text, item.start));
  });
}

/** A name as it is compared: in lower case, without the sign that some write before it. */
export function normalName(name: string): string {
  return name.trim().toLowerCase().replace(/^@/, "");
}

/** The number of the line at an offset. */
export function lineAt(text: string, offset: number): number {
  return new LineIndex(text).at(offset).line;
}
