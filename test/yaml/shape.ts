import type { YamlNode } from "../../src/yaml/index.ts";

/** A node as the texts it covers: `['a', {b: 'c'}]` for `[a, {b: c}]`, every leaf cut out of the text by its offsets. */
export function coveredText(node: YamlNode, text: string): unknown {
  if (node.kind === "scalar") return text.slice(node.start, node.end);
  if (node.kind === "sequence") return node.items.map((item) => coveredText(item, text));
  return node.entries.map(({ key, value }) => [coveredText(key, text), coveredText(value, text)]);
}

/** A node as plain data: texts, arrays, and arrays of pairs for mappings. */
export function plainValue(node: YamlNode | undefined): unknown {
  if (node === undefined) return undefined;
  if (node.kind === "scalar") return node.value;
  if (node.kind === "sequence") return node.items.map(plainValue);
  return { pairs: node.entries.map(({ key, value }) => [key.value, plainValue(value)]) };
}

/** Every node below and including one, keys too. */
export function* nodesOf(node: YamlNode): Generator<YamlNode> {
  yield node;
  if (node.kind === "sequence") for (const item of node.items) yield* nodesOf(item);
  if (node.kind === "mapping") {
    for (const { key, value } of node.entries) {
      yield key;
      yield* nodesOf(value);
    }
  }
}
