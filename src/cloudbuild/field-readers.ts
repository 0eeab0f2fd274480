import {
  isNullScalar,
  type LineIndex,
  type TextPosition,
  type YamlNode,
  type YamlScalar,
} from "../yaml/index.ts";
import type { CloudBuildText } from "./file.ts";
import { type Findings, quoted, shortened } from "./findings.ts";
import { nearest } from "./nearest.ts";

/** What readers of one file share. */
export interface ReadingContext {
  readonly text: string;
  readonly lines: LineIndex;
  readonly findings: Findings;
  /** Collects what only Google's service understands, by its path. */
  readonly google: Map<string, CloudBuildText>;
}

/** What a reader makes of a node: the value for us, and JSON as Google's API takes it. */
export interface Read<Value> {
  readonly value: Value;
  readonly json: unknown;
}

/**
 * Reads a node that stands at a path, such as `steps[0].args`. `undefined` when it cannot be read, which is then among
 * the findings.
 */
export type Reader<Value> = (
  node: YamlNode,
  path: string,
  context: ReadingContext,
) => Read<Value> | undefined;

/** A value and where it stands. */
export interface Placed<Value> {
  readonly value: Value;
  readonly at: TextPosition;
}

/** A number, boolean or null of YAML, which are none in quotes. */
const typedScalar =
  /^(?:[-+]?(?:\d+|\d*\.\d+|\d+\.\d*)(?:[eE][-+]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+|true|false|True|False|TRUE|FALSE)$/;

export const text: Reader<CloudBuildText> = (node, path, context) => {
  const scalar = scalarOf(node, path, "a text", context);
  if (scalar === undefined) return undefined;
  const value = placedText(scalar, context);
  if (scalar.style === "plain" && typedScalar.test(scalar.value)) {
    const message = `${path} is ${shortened(scalar.value, 40)}, which is no text for Google's tools: they refuse it`;
    context.findings.warning("unquoted", value.at, message, "put it in quotes");
  }
  return { value, json: scalar.value };
};

/** `true` or `false`. */
export const flag: Reader<boolean> = (node, path, context) => {
  const scalar = scalarOf(node, path, "true or false", context);
  if (scalar === undefined) return undefined;
  const value =
    /^(?:true|True|TRUE)$/.test(scalar.value) ||
    (/^(?:false|False|FALSE)$/.test(scalar.value) ? false : undefined);
  if (value === undefined) {
    invalid(node, path, scalar.value, "it must be true or false", context);
    return undefined;
  }
  return { value, json: value };
};

/** A whole number, not negative. */
export const wholeNumber: Reader<number> = (node, path, context) => {
  const scalar = scalarOf(node, path, "a number", context);
  if (scalar === undefined) return undefined;
  if (!/^\d{1,10}$/.test(scalar.value)) {
    invalid(node, path, scalar.value, "it must be a whole number", context);
    return undefined;
  }
  return { value: Number(scalar.value), json: Number(scalar.value) };
};

/** A duration of protocol buffers' JSON: seconds with up to nine decimals, and an `s`. */
export const duration: Reader<Placed<number>> = (node, path, context) => {
  const scalar = scalarOf(node, path, "a duration", context);
  if (scalar === undefined) return undefined;
  const seconds = /^(\d{1,12}(?:\.\d{1,9})?)s$/.exec(scalar.value)?.[1];
  if (seconds === undefined || Number(seconds) === 0) {
    invalid(
      node,
      path,
      scalar.value,
      "a duration is a number of seconds with an s behind it, as in 1200s",
      context,
    );
    return undefined;
  }
  return { value: { value: Number(seconds), at: placeOf(node, context) }, json: scalar.value };
};

/** One of some words. */
export function word<const Word extends string>(words: readonly Word[]): Reader<Word> {
  return (node, path, context) => {
    const scalar = scalarOf(node, path, "a word", context);
    if (scalar === undefined) return undefined;
    const value = words.find((known) => known === scalar.value);
    if (value !== undefined) return { value, json: value };
    const near = nearest(scalar.value, words);
    invalid(
      node,
      path,
      scalar.value,
      near === undefined ? `known are ${words.join(" and ")}` : `did you mean ${near}?`,
      context,
    );
    return undefined;
  };
}

/** A list; a lone text counts as a list of one, as people write it. */
export function listOf<Value>(
  item: Reader<Value>,
  most = Number.POSITIVE_INFINITY,
): Reader<readonly Value[]> {
  return (node, path, context) => {
    if (node.kind === "mapping") {
      context.findings.error(
        "wrong-type",
        placeOf(node, context),
        `${path} must be a list`,
        "start each item with a dash",
      );
      return undefined;
    }
    if (node.kind === "scalar") {
      const message = `${path} is no list: repeated string fields containing one element must be specified like ['foo'], not 'foo'`;
      context.findings.warning(
        "scalar-for-list",
        placeOf(node, context),
        message,
        "it is read as a list of one",
      );
    }
    const read: Read<Value>[] = [];
    for (const [index, child] of (node.kind === "scalar" ? [node] : node.items).slice(0, most).entries()) {
      const at = `${path}[${index}]`;
      if (isNullScalar(child))
        context.findings.error(
          "wrong-type",
          placeOf(child, context),
          `${at} is empty`,
          "fill it in, or leave it out",
        );
      else {
        const one = item(child, at, context);
        if (one !== undefined) read.push(one);
      }
    }
    return { value: read.map(({ value }) => value), json: read.map(({ json }) => json) };
  };
}

/** A value by its name, and where the name stands. */
export interface Named<Value> {
  readonly name: CloudBuildText;
  readonly value: Value;
}

/** A mapping whose keys are names of the user's. */
export function mapOf<Value>(item: Reader<Value>): Reader<readonly Named<Value>[]> {
  return (node, path, context) => {
    if (node.kind !== "mapping") {
      context.findings.error("wrong-type", placeOf(node, context), `${path} must be a mapping`);
      return undefined;
    }
    const read = new Map<string, Named<Value> & { readonly json: unknown }>();
    for (const { key, value } of node.entries) {
      const name = placedText(key, context);
      const at = `${path}.${shortened(key.value, 100)}`;
      if (read.has(key.value)) repeated(name, context);
      else {
        // An empty value is an empty text to those who leave it out.
        const one = isNullScalar(value)
          ? item({ ...(value as YamlScalar), style: "single", value: "" }, at, context)
          : item(value, at, context);
        if (one !== undefined) read.set(key.value, { name, ...one });
      }
    }
    return {
      value: [...read.values()],
      json: Object.fromEntries([...read].map(([key, { json }]) => [key, json])),
    };
  };
}

/** Fields of a mapping, as far as they are there and could be read. */
export type Fields<Readers> = {
  readonly [Name in keyof Readers]?: Readers[Name] extends Reader<infer Value> ? Value : never;
};

/**
 * A mapping with known fields, each in camelCase or snake_case. A field without a value counts as absent, an unknown
 * one is only said: Google adds fields, and the file may be right.
 * @param what it is, with its article.
 */
export function record<Readers extends Readonly<Record<string, Reader<unknown>>>>(
  what: string,
  readers: Readers,
): Reader<Placed<Fields<Readers>>> {
  const spellings = new Map(
    Object.keys(readers).flatMap(
      (name) =>
        [
          [name, name],
          [snakeCase(name), name],
        ] as const,
    ),
  );
  return (node, path, context) => {
    const at = placeOf(node, context);
    if (node.kind !== "mapping") {
      context.findings.error("wrong-type", at, `${path === "" ? what : path} must be a mapping`);
      return undefined;
    }
    const spelt = new Map<string, string>();
    const values: [string, unknown][] = [];
    const json: [string, unknown][] = [];
    for (const { key, value } of node.entries) {
      const name = spellings.get(key.value) ?? camelCase(key.value);
      const before = spelt.get(name);
      if (before !== undefined) {
        if (before === key.value) repeated(placedText(key, context), context);
        else {
          const message = `${shortened(key.value)} and ${shortened(before)} are one field in two spellings`;
          context.findings.error("duplicate-key", placeOf(key, context), message, "keep one of them");
        }
        continue;
      }
      spelt.set(name, key.value);
      const reader = readers[name];
      if (!spellings.has(key.value) || reader === undefined) {
        const near = nearest(key.value, spellings.keys());
        const hint = near === undefined ? undefined : `did you mean ${near}?`;
        context.findings.warning(
          "unknown-field",
          placeOf(key, context),
          `unknown field ${quoted(key.value)} in ${what}`,
          hint,
        );
        json.push([name, jsonOf(value)]);
      } else if (!isNullScalar(value)) {
        const read = reader(value, path === "" ? name : `${path}.${name}`, context);
        if (read === undefined) continue;
        values.push([name, read.value]);
        json.push([name, read.json]);
      }
    }
    return {
      value: { value: Object.fromEntries(values) as Fields<Readers>, at },
      json: Object.fromEntries(json),
    };
  };
}

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
function jsonOf(node: YamlNode): unknown {
  if (node.kind === "sequence") return node.items.map(jsonOf);
  if (node.kind === "mapping")
    return Object.fromEntries(node.entries.map(({ key, value }) => [key.value, jsonOf(value)]));
  if (isNullScalar(node)) return null;
  if (node.style !== "plain" || !typedScalar.test(node.value)) return node.value;
  if (/^[tTfF]/.test(node.value)) return node.value.toLowerCase() === "true";
  const number = Number(node.value);
  return Number.isSafeInteger(number) || !/^[-+]?\d+$/.test(node.value) ? number : node.value;
}

function scalarOf(
  node: YamlNode,
  path: string,
  what: string,
  context: ReadingContext,
): YamlScalar | undefined {
  if (node.kind === "scalar") return node;
  const found = node.kind === "sequence" ? "a list" : "a mapping";
  context.findings.error("wrong-type", placeOf(node, context), `${path} must be ${what}, not ${found}`);
  return undefined;
}

function invalid(node: YamlNode, path: string, value: string, hint: string, context: ReadingContext): void {
  context.findings.error("invalid-value", placeOf(node, context), `invalid ${path}: ${quoted(value)}`, hint);
}

function repeated(name: CloudBuildText, { findings }: ReadingContext): void {
  findings.error(
    "duplicate-key",
    name.at,
    `the key ${shortened(name.value)} stands twice`,
    "keep one of them",
  );
}

export function placeOf(node: YamlNode, { lines }: ReadingContext): TextPosition {
  return lines.at(node.start);
}

/** A scalar with the places of its `$`: those in the text, unless there are more or fewer of them than in the value. */
function placedText(scalar: YamlScalar, { text, lines }: ReadingContext): CloudBuildText {
  const at = lines.at(scalar.start);
  if (!scalar.value.includes("$")) return { value: scalar.value, at };
  const dollars = offsetsOf("$", text, scalar.start, scalar.end);
  if (dollars.length !== scalar.value.split("$").length - 1) return { value: scalar.value, at };
  return { value: scalar.value, at, dollars: dollars.map((offset) => lines.at(offset)) };
}

function offsetsOf(sign: string, text: string, start: number, end: number): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(sign, start); at >= 0 && at < end; at = text.indexOf(sign, at + 1))
    found.push(at);
  return found;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
