import { printable } from "../diagnostics/index.ts";
import { isNullScalar, type YamlMapping, type YamlScalar } from "../yaml/index.ts";
import { type FieldRules, type Fields, readFields, reportRepeated } from "./fields.ts";
import { wrongType } from "./scalar.ts";
import {
  type EditorSchema,
  made,
  type ReadContext,
  type Shape,
  type ValueFault,
  type ValueOf,
} from "./shape.ts";

/** A field of a mapping that has to be there. */
export interface Required<Value> extends Shape<Value> {
  readonly required: true;
}

/** The shape as a field that has to be there. */
export function required<Value>(shape: Shape<Value>): Required<Value> {
  return { ...shape, required: true };
}

type Shapes = Readonly<Record<string, Shape<unknown>>>;

type RequiredKey<Of extends Shapes> = {
  [Key in keyof Of]: Of[Key] extends Required<unknown> ? Key : never;
}[keyof Of];

/** What is read of a mapping: every required field, and of the others those that are there and could be read. */
export type ValuesOf<Of extends Shapes> = {
  readonly [Key in RequiredKey<Of>]: ValueOf<Of[Key]>;
} & { readonly [Key in Exclude<keyof Of, RequiredKey<Of>>]?: ValueOf<Of[Key]> };

export interface MappingRules extends Pick<FieldRules, "advice" | "nameOf" | "ignoresUnknown"> {
  /** A field without a value counts as absent. */
  readonly skipsEmpty?: boolean;
  /** Reports what is wrong with the fields together; it is asked whatever else is wrong. */
  readonly check?: (fields: Fields, node: YamlMapping, reading: ReadContext) => void;
}

/**
 * A mapping of known fields. What is wrong in one of them leaves out that one alone, unless it is required.
 * @param what it is, with its article.
 */
export function mapping<const Of extends Shapes>(
  what: string,
  shapes: Of,
  { skipsEmpty = false, check, ...rules }: MappingRules = {},
): Shape<ValuesOf<Of>> {
  const known = Object.keys(shapes);
  const needed = known.filter((name) => "required" in (shapes[name] ?? {}));
  return {
    kind: "mapping",
    what: "a mapping",
    editor: {
      type: "object",
      properties: Object.fromEntries(Object.entries(shapes).map(([name, { editor }]) => [name, editor])),
      ...(needed.length === 0 ? {} : { required: needed }),
      additionalProperties: false,
    },
    read(node, reading) {
      if (node.kind !== "mapping") return wrongType(node, "a mapping", reading);
      const fields = readFields(node, { ...rules, known, what }, reading.findings);
      const values = new Map<string, unknown>();
      for (const [name, { value }] of fields.known) {
        if (skipsEmpty && isNullScalar(value)) continue;
        const path = reading.path === "" ? name : `${reading.path}.${name}`;
        const read = shapes[name]?.read(value, { ...reading, path });
        if (read !== undefined) values.set(name, read);
      }
      for (const name of needed) {
        if (fields.known.has(name) || fields.misspelt.has(name)) continue;
        reading.findings.report("missing-key", node.start, `${name} is missing`);
      }
      check?.(fields, node, reading);
      if (needed.some((name) => !values.has(name))) return undefined;
      return Object.fromEntries(values) as ValuesOf<Of>;
    },
  };
}

/** One entry of a mapping whose keys are names of the user's. */
export interface NamedEntry<Value> {
  readonly key: YamlScalar;
  readonly value: Value;
}

/** A mapping whose keys are names of the user's: its entries, without those that are wrong. */
export function entries<Value>(
  value: Shape<Value>,
  check: (name: string) => ValueFault | undefined = () => undefined,
): Shape<readonly NamedEntry<Value>[]> {
  return {
    kind: "mapping",
    what: "a mapping",
    editor: { type: "object", propertyNames: { type: "string" }, additionalProperties: value.editor },
    read(node, reading) {
      if (node.kind !== "mapping") return wrongType(node, "a mapping", reading);
      const seen = new Map<string, YamlScalar>();
      const read: NamedEntry<Value>[] = [];
      for (const { key, value: child } of node.entries) {
        const first = seen.get(key.value);
        if (first !== undefined) {
          reportRepeated(key, first, reading.findings);
          continue;
        }
        seen.set(key.value, key);
        const fault = check(key.value);
        if (fault !== undefined) reading.findings.report("invalid-value", key.start, fault.fault, fault.hint);
        const path = `${reading.path}.${printable(key.value, 100)}`;
        const found = value.read(child, { ...reading, path });
        if (found !== undefined && fault === undefined) read.push({ key, value: found });
      }
      return read;
    },
  };
}

/** {@link entries} by their names. */
export function record<Value>(
  value: Shape<Value>,
  check?: (name: string) => ValueFault | undefined,
): Shape<Readonly<Record<string, Value>>> {
  return made(entries(value, check), (read) =>
    Object.fromEntries(read.map((entry) => [entry.key.value, entry.value])),
  );
}

export interface ListRules {
  /** With its article: "a list" if nothing else is said. */
  readonly what?: string;
  /** A lone item counts as a list of it. */
  readonly takesOne?: boolean;
  /** Less is reported as what is missing. */
  readonly min?: number;
  /** No more items than this are read. */
  readonly max?: number;
}

/** A list, without items that are wrong. */
export function list<Value>(
  item: Shape<Value>,
  { what = "a list", takesOne = false, min = 0, max = Number.POSITIVE_INFINITY }: ListRules = {},
): Shape<readonly Value[]> {
  const editor: EditorSchema = { type: "array", items: item.editor, ...(min === 0 ? {} : { minItems: min }) };
  return {
    kind: "sequence",
    what,
    editor,
    read(node, reading) {
      const isLone = takesOne && node.kind === "scalar" && !isNullScalar(node);
      if (node.kind !== "sequence" && !isLone) {
        const hint = node.kind === "mapping" ? "start each item with a dash" : undefined;
        return wrongType(node, what, reading, hint);
      }
      const items = node.kind === "sequence" ? node.items : [node];
      if (items.length < min) {
        const least = min === 1 ? "at least one" : `at least ${min}`;
        reading.findings.report("invalid-value", node.start, `expected ${least}, found an empty list`);
        return undefined;
      }
      return items.slice(0, max).flatMap((child, index) => {
        const read = item.read(child, { ...reading, path: `${reading.path}[${index}]` });
        return read === undefined ? [] : [read];
      });
    },
  };
}

/** One of several shapes, told apart by what stands there: a text, a list or a mapping. */
export function either<One, Other>(one: Shape<One>, other: Shape<Other>): Shape<One | Other> {
  const what = `${one.what} or ${other.what}`;
  return {
    kind: "any",
    what,
    editor: { anyOf: [one.editor, other.editor] },
    read(node, reading) {
      if (isNullScalar(node)) return wrongType(node, what, reading);
      if (node.kind === one.kind) return one.read(node, reading);
      return node.kind === other.kind ? other.read(node, reading) : wrongType(node, what, reading);
    },
  };
}
