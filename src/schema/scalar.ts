import { didYouMean, listed } from "../diagnostics/index.ts";
import { isNullScalar, readBoolean, type YamlNode, type YamlScalar } from "../yaml/index.ts";
import type { EditorSchema, ReadContext, Shape, ValueFault } from "./shape.ts";

/** A value that is written as one text, which `read` understands. */
export function scalar<Value>(
  what: string,
  read: (node: YamlScalar, reading: ReadContext) => { readonly value: Value } | ValueFault,
  editor: EditorSchema = {},
): Shape<Value> {
  return {
    kind: "scalar",
    what,
    editor,
    read(node, reading) {
      if (node.kind !== "scalar" || isNullScalar(node)) return wrongType(node, what, reading);
      const result = read(node, reading);
      if ("value" in result) return result.value;
      reading.findings.report("invalid-value", node.start, result.fault, result.hint);
      return undefined;
    },
  };
}

const kinds = { scalar: "a text", sequence: "a list", mapping: "a mapping" } as const;

/** Says that something else stands where a shape should. */
export function wrongType(
  node: YamlNode,
  what: string,
  { findings, path }: ReadContext,
  hint?: string,
): undefined {
  const found = isNullScalar(node) ? "nothing" : kinds[node.kind];
  const place = path === "" ? "" : `${path}: `;
  findings.report("wrong-type", node.start, `${place}expected ${what}, found ${found}`, hint);
}

/** A text that passes a check, which says what is wrong with it. */
export function text(
  check: (text: string) => ValueFault | string | undefined = () => undefined,
  editor: EditorSchema = { type: "string" },
): Shape<string> {
  return scalar(
    "a text",
    ({ value }) => {
      const fault = check(value);
      if (fault === undefined) return { value };
      return typeof fault === "string" ? { fault } : fault;
    },
    editor,
  );
}

/** One of some words. */
export function word<const Word extends string>(words: readonly Word[]): Shape<Word> {
  const what = listed(words, "or");
  return scalar(
    what,
    ({ value }) => {
      const found = words.find((known) => known === value);
      return found === undefined
        ? { fault: `expected ${what}`, hint: didYouMean(value, words) }
        : { value: found };
    },
    { type: "string", enum: words },
  );
}

/** `true` or `false`, and what else YAML 1.1 has for them. */
export const flag: Shape<boolean> = scalar(
  "true or false",
  (node) => {
    const value = readBoolean(node);
    return value === undefined ? { fault: "expected true or false" } : { value };
  },
  { type: "boolean" },
);

/** A whole number between two bounds, both included. */
export function integer(minimum: number, maximum: number): Shape<number> {
  const what = `a whole number from ${minimum} to ${maximum}`;
  return scalar(
    what,
    ({ value: written }) => {
      const value = /^[0-9]{1,10}$/.test(written) ? Number(written) : Number.NaN;
      return value >= minimum && value <= maximum ? { value } : { fault: `expected ${what}` };
    },
    { type: "integer", minimum, maximum },
  );
}
