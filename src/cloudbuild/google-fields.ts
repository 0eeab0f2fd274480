import { isNullScalar, type YamlNode } from "../yaml/index.ts";
import { shortened } from "./findings.ts";
import { placedText, placeOf, type Reader, type ReadingContext } from "./reader.ts";

/** A number or boolean of YAML's core schema, which in quotes is none. */
export const typedScalar =
  /^(?:[-+]?(?:\d+|\d*\.\d+|\d+\.\d*)(?:[eE][-+]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+|true|false|True|False|TRUE|FALSE)$/;

/** What only Google's service understands, whatever it is: its texts are collected by their paths. */
export const googles: Reader<undefined> = (node, path, context) => {
  collect(node, path.replaceAll(/\[\d+\]/g, ""), context);
  return { value: undefined, json: jsonOf(node) };
};

function collect(node: YamlNode, path: string, context: ReadingContext): void {
  if (node.kind === "mapping") {
    for (const { key, value } of node.entries)
      collect(value, `${path}.${shortened(camelCase(key.value), 100)}`, context);
  } else if (node.kind === "scalar") context.google.set(path, placedText(node, context));
  else context.google.set(path, { value: JSON.stringify(jsonOf(node)), at: placeOf(node, context) });
}

/** Any node as JSON, scalars by the core schema of YAML 1.2. */
export function jsonOf(node: YamlNode): unknown {
  if (node.kind === "sequence") return node.items.map(jsonOf);
  if (node.kind === "mapping")
    return Object.fromEntries(node.entries.map(({ key, value }) => [key.value, jsonOf(value)]));
  if (isNullScalar(node)) return null;
  if (node.style !== "plain" || !typedScalar.test(node.value)) return node.value;
  if (/^[tTfF]/.test(node.value)) return node.value.toLowerCase() === "true";
  const number = Number(node.value);
  // JSON has no infinity, and its readers round what is larger than they hold.
  const isExact = Number.isSafeInteger(number) || !/^[-+]?\d+$/.test(node.value);
  return isExact && Number.isFinite(number) ? number : node.value;
}

/** A name in camelCase. */
export function camelCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
