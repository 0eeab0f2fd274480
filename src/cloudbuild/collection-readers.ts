import { isNullScalar, type YamlScalar } from "../yaml/index.ts";
import type { CloudBuildText } from "./file.ts";
import { quoted, shortened } from "./findings.ts";
import { camelCase, jsonOf } from "./google-fields.ts";
import { nearest } from "./nearest.ts";
import { type Placed, placedText, placeOf, type Read, type Reader, type ReadingContext } from "./reader.ts";

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
        const near = context.findings.isFull ? undefined : nearest(key.value, spellings.keys());
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

function repeated(name: CloudBuildText, { findings }: ReadingContext): void {
  findings.error(
    "duplicate-key",
    name.at,
    `the key ${shortened(name.value)} stands twice`,
    "keep one of them",
  );
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
