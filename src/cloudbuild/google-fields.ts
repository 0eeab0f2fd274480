import { isNullScalar, type YamlNode } from "../yaml/index.ts";

/** A number or boolean of YAML's core schema, which in quotes is none. */
export const typedScalar =
  /^(?:[-+]?(?:\d+|\d*\.\d+|\d+\.\d*)(?:[eE][-+]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+|true|false|True|False|TRUE|FALSE)$/;

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
