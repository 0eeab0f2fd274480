import { isNullScalar, type YamlMapping, type YamlNode } from "../yaml/index.ts";

/** A YAML document as plain data: texts, lists and mappings, with the offset of every value and key. */
export interface PlainDocument {
  readonly value: unknown;
  /** Keys that stand twice in one mapping; the first one counts. */
  readonly repeated: readonly { readonly key: string; readonly offset: number }[];
  /**
   * Offset of what stands at a path, or of the nearest thing above it that exists; with `ofKey`, of the key rather
   * than its value.
   */
  offsetOf(path: readonly PropertyKey[], ofKey?: boolean): number;
}

/**
 * The tree as plain data. A section (an entry of the root) without a value counts as absent; elsewhere a value that
 * is missing is `null`.
 */
export function plainDocument(root: YamlNode): PlainDocument {
  const repeated: { key: string; offset: number }[] = [];
  return {
    value: plain(root, 0, repeated),
    repeated,
    offsetOf(path, ofKey = false) {
      let node = root;
      let key = root.start;
      for (const step of path) {
        const next = child(node, step);
        if (next === undefined) return key;
        node = next.node;
        key = next.key;
      }
      return ofKey ? key : node.start;
    },
  };
}

function plain(node: YamlNode, depth: number, repeated: { key: string; offset: number }[]): unknown {
  if (node.kind === "scalar") return isNullScalar(node) ? null : node.value;
  if (node.kind === "sequence") return node.items.map((item) => plain(item, depth + 1, repeated));
  return plainMapping(node, depth, repeated);
}

function plainMapping(node: YamlMapping, depth: number, repeated: { key: string; offset: number }[]): object {
  const entries = new Map<string, unknown>();
  for (const { key, value } of node.entries) {
    if (entries.has(key.value)) repeated.push({ key: key.value, offset: key.start });
    else entries.set(key.value, plain(value, depth + 1, repeated));
  }
  if (depth === 0) for (const [key, value] of entries) if (value === null) entries.delete(key);
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

function child(node: YamlNode, step: PropertyKey): { node: YamlNode; key: number } | undefined {
  if (node.kind === "sequence") {
    const item = typeof step === "number" ? node.items[step] : undefined;
    return item === undefined ? undefined : { node: item, key: item.start };
  }
  if (node.kind === "scalar") return undefined;
  const entry = node.entries.find(({ key }) => key.value === step);
  return entry === undefined ? undefined : { node: entry.value, key: entry.key.start };
}
