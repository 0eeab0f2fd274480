import { printable, quoted, type TextPosition } from "../diagnostics/index.ts";
import {
  entries,
  list,
  made,
  mapping,
  type NamedEntry,
  word as oneWord,
  type ReadContext,
  type Shape,
  scalar,
  type ValueFault,
  type ValueOf,
} from "../schema/index.ts";
import { isNullScalar, type YamlNode, type YamlScalar } from "../yaml/index.ts";
import type { CloudBuildText } from "./file.ts";
import type { CloudBuildFindings } from "./findings.ts";

/** What is made of a node: the value for us, and JSON as Google's API takes it. */
export interface Both<Value> {
  readonly value: Value;
  readonly json: unknown;
}

/** A value and where it stands. */
export interface Placed<Value> {
  readonly value: Value;
  readonly at: TextPosition;
}

/** The findings of a Cloud Build file, which alone is read by these shapes. */
function findingsOf(reading: ReadContext): CloudBuildFindings {
  return reading.findings as CloudBuildFindings;
}

/** A text; what Google's tools take for something else without quotes is said. */
export const text: Shape<Both<CloudBuildText>> = scalar("a text", (node, reading) => {
  const value = placedText(node, reading);
  if (node.style === "plain" && typedScalar.test(node.value)) {
    const shown = printable(node.value, 40);
    const message = `${reading.path} is ${shown}, which is no text for Google's tools: they refuse it`;
    findingsOf(reading).report("unquoted", value.at, message, "put it in quotes");
  }
  return { value: { value, json: node.value } };
});

/** A scalar with the places of its `$`: those in the text, unless there are more or fewer of them than in the value. */
export function placedText(scalar: YamlScalar, { findings }: Pick<ReadContext, "findings">): CloudBuildText {
  const at = findings.placeOf(scalar.start);
  if (!scalar.value.includes("$")) return { value: scalar.value, at };
  const dollars: number[] = [];
  for (
    let found = findings.text.indexOf("$", scalar.start);
    found >= 0 && found < scalar.end;
    found = findings.text.indexOf("$", found + 1)
  ) {
    dollars.push(found);
  }
  if (dollars.length !== scalar.value.split("$").length - 1) return { value: scalar.value, at };
  return { value: scalar.value, at, dollars: dollars.map((offset) => findings.placeOf(offset)) };
}

/** `true` or `false`. */
export const flag: Shape<Both<boolean>> = simple("true or false", (written) => {
  if (/^(?:true|True|TRUE)$/.test(written)) return { value: true };
  return /^(?:false|False|FALSE)$/.test(written) ? { value: false } : { fault: "expected true or false" };
});

/** A whole number, not negative. */
export const wholeNumber: Shape<Both<number>> = simple("a whole number", (written) =>
  /^\d{1,10}$/.test(written) ? { value: Number(written) } : { fault: "expected a whole number" },
);

/** One of some words. */
export function word<const Word extends string>(words: readonly Word[]): Shape<Both<Word>> {
  return made(oneWord(words), (value) => ({ value, json: value }));
}

function simple<Value>(
  what: string,
  read: (written: string) => { readonly value: Value } | ValueFault,
): Shape<Both<Value>> {
  return made(
    scalar(what, ({ value }) => read(value)),
    (value) => ({ value, json: value }),
  );
}

/** A duration of protocol buffers' JSON: seconds with up to nine decimals, and an `s`. */
export const duration: Shape<Both<Placed<number>>> = scalar("a duration", (node, { findings, path }) => {
  const seconds = /^(\d{1,12}(?:\.\d{1,9})?)s$/.exec(node.value)?.[1];
  if (seconds === undefined || Number(seconds) === 0) {
    return {
      fault: `invalid ${path}: ${quoted(node.value)}`,
      hint: "a duration is a number of seconds with an s behind it, as in 1200s",
    };
  }
  const value = { value: Number(seconds), at: findings.placeOf(node.start) };
  return { value: { value, json: node.value } };
});

/** A list; a lone text counts as a list of one, as people write it. */
export function listOf<Value>(
  item: Shape<Both<Value>>,
  max = Number.POSITIVE_INFINITY,
): Shape<Both<readonly Value[]>> {
  const shape = list(item, { takesOne: true, max });
  return made(shape, (items, node, reading) => {
    if (node.kind === "scalar") {
      const message = `${reading.path} is no list: repeated string fields containing one element must be specified like ['foo'], not 'foo'`;
      findingsOf(reading).report("scalar-for-list", node.start, message, "it is read as a list of one");
    }
    return { value: items.map(({ value }) => value), json: items.map(({ json }) => json) };
  });
}

/** A value by its name, and where the name stands. */
export interface Named<Value> {
  readonly name: CloudBuildText;
  readonly value: Value;
}

/** A mapping whose keys are names of the user's. An empty value is an empty text to those who leave it out. */
export function mapOf<Value>(item: Shape<Both<Value>>): Shape<Both<readonly Named<Value>[]>> {
  const value: Shape<Both<Value>> = {
    ...item,
    read: (node, reading) =>
      node.kind === "scalar" && isNullScalar(node)
        ? item.read({ ...node, style: "single", value: "" }, reading)
        : item.read(node, reading),
  };
  return made(entries(value), (all: readonly NamedEntry<Both<Value>>[], _, reading) => ({
    value: all.map((entry) => ({ name: placedText(entry.key, reading), value: entry.value.value })),
    json: Object.fromEntries(all.map((entry) => [entry.key.value, entry.value.json])),
  }));
}

/** Fields of a mapping, as far as they are there and could be read. */
export type FieldsOf<Shapes> = {
  readonly [Name in keyof Shapes]?: ValueOf<Shapes[Name]> extends Both<infer Value> ? Value : never;
};

/**
 * A mapping with known fields, each in camelCase or snake_case. A field without a value counts as absent, an unknown
 * one is only said, and kept in the JSON.
 * @param what it is, with its article.
 */
export function record<Shapes extends Readonly<Record<string, Shape<Both<unknown>>>>>(
  what: string,
  shapes: Shapes,
): Shape<Both<Placed<FieldsOf<Shapes>>>> {
  const names = Object.keys(shapes);
  const spellings = new Map([...names.map((name) => [snakeCase(name), name] as const)]);
  const nameOf = (key: string) => spellings.get(key) ?? key;
  return made(mapping(what, shapes, { skipsEmpty: true, nameOf }), (fields, node, { findings }) => {
    const read = Object.entries(fields as Readonly<Record<string, Both<unknown>>>);
    const unknown = node.kind === "mapping" ? node.entries : [];
    return {
      value: {
        value: Object.fromEntries(read.map(([name, { value }]) => [name, value])) as FieldsOf<Shapes>,
        at: findings.placeOf(node.start),
      },
      json: Object.fromEntries([
        ...read.map(([name, { json }]) => [name, json] as const),
        ...unknown
          .filter(({ key }) => !names.includes(nameOf(key.value)))
          .map(({ key, value }) => [camelCase(key.value), jsonOf(value)] as const),
      ]),
    };
  });
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

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
