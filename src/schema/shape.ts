import type { Findings } from "../diagnostics/index.ts";
import { isNullScalar, type YamlNode } from "../yaml/index.ts";
import { fieldCodes } from "./fields.ts";

/** What is found wrong with values, whatever the kind of file. */
export const shapeCodes = {
  ...fieldCodes,
  "wrong-type": {
    severity: "error",
    summary: "A value has the wrong form, such as a text instead of a list.",
  },
  "missing-key": { severity: "error", summary: "A key that has to be there is missing." },
  "invalid-value": { severity: "error", summary: "A value is none that may stand there." },
} as const;

/** A code of {@link shapeCodes}. */
export type ShapeCode = keyof typeof shapeCodes;

/** Where a reader is, and where it says what is wrong. */
export interface ReadContext {
  readonly findings: Findings<ShapeCode>;
  /** The way from the root, such as `steps[0].args`; empty there. */
  readonly path: string;
}

/** Keywords of JSON Schema (2020-12): how a value looks to an editor, which knows numbers and booleans. */
export type EditorSchema = Readonly<Record<string, unknown>>;

/** What may stand in a place of a file, and what it means. */
export interface Shape<Value> {
  /** What it is written as. */
  readonly kind: YamlNode["kind"] | "any";
  /** With its article, as in "a list". */
  readonly what: string;
  readonly editor: EditorSchema;
  /** The value of a node; `undefined` when it cannot be used, which has been reported then. */
  read(node: YamlNode, reading: ReadContext): Value | undefined;
}

/** Whatever stands there, as it is. */
export const anything: Shape<YamlNode> = { kind: "any", what: "anything", editor: {}, read: (node) => node };

/** What a shape reads. */
export type ValueOf<Any> = Any extends Shape<infer Value> ? Value : never;

/** What is wrong with a text, and what to write instead. */
export interface ValueFault {
  readonly fault: string;
  readonly hint?: string | undefined;
}

/** The shape with a word for editors on it. */
export function described<Value>(shape: Shape<Value>, description: string): Shape<Value> {
  return { ...shape, editor: { ...shape.editor, description } };
}

/** The shape, or nothing, which stands for a value. */
export function orEmpty<Value>(shape: Shape<Value>, empty: Value): Shape<Value> {
  return { ...shape, read: (node, reading) => (isNullScalar(node) ? empty : shape.read(node, reading)) };
}

/** The shape, of which something else is made; `undefined` when that cannot be, which has been reported then. */
export function made<From, To>(
  shape: Shape<From>,
  make: (value: From, node: YamlNode, reading: ReadContext) => To | undefined,
): Shape<To> {
  return {
    ...shape,
    read(node, reading) {
      const value = shape.read(node, reading);
      return value === undefined ? undefined : make(value, node, reading);
    },
  };
}
