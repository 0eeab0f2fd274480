import { closest, distance } from "fastest-levenshtein";
import { isNullScalar, readBoolean, type YamlNode, type YamlScalar } from "../yaml/index.ts";
import { readSeconds } from "./duration.ts";
import { ExpressionFault, searchFor } from "./expression.ts";
import { isVariableOfProw } from "./variables.ts";

/** Something wrong, at an offset of the text. */
export interface Fault {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

/** Where faults go. */
export type Tell = (fault: Fault) => void;

/** What is made of a node: `undefined` when it is not what it should be, which has been told. */
export type Reading<Value> = (node: YamlNode, tell: Tell) => Value | undefined;

/** What may stand in a mapping. */
export type Shape<Value> = { readonly [Key in keyof Value]-?: Reading<NonNullable<Value[Key]>> };

/** Reads a mapping of known keys. What is wrong in one entry leaves out that entry alone. */
export function mappingOf<Value extends object>(
  shape: Shape<Value>,
  required: readonly (keyof Value & string)[] = [],
): Reading<Partial<Value>> {
  return (node, tell) => {
    if (node.kind !== "mapping") return wrong(node, tell, "expected a mapping");
    const read = new Map<string, unknown>();
    const known = Object.keys(shape);
    const seen = new Set<string>();
    for (const { key, value } of node.entries) {
      if (isRepeated(key, seen, tell)) continue;
      const reading = Object.hasOwn(shape, key.value) ? shape[key.value as keyof Value] : undefined;
      if (reading === undefined) tell({ offset: key.start, ...unknownKey(key.value, known) });
      else if (isNullScalar(value)) tell({ offset: key.start, message: `${key.value} has no value` });
      else read.set(key.value, (reading as Reading<unknown>)(value, tell));
    }
    for (const key of required) {
      if (!seen.has(key)) tell({ offset: node.start, message: `${key} is missing` });
    }
    return Object.fromEntries([...read].filter(([, value]) => value !== undefined)) as Partial<Value>;
  };
}

function isRepeated(key: YamlScalar, seen: Set<string>, tell: Tell): boolean {
  const repeated = seen.has(key.value);
  if (repeated) tell({ offset: key.start, message: `the key ${shown(key.value)} stands here a second time` });
  seen.add(key.value);
  return repeated;
}

function unknownKey(key: string, known: readonly string[]): Omit<Fault, "offset"> {
  const near = closest(key, known);
  const isNear = distance(key.toLowerCase(), near.toLowerCase()) <= 1 + near.length / 4;
  return {
    message: `unknown key ${shown(key)}`,
    hint: isNear ? `did you mean ${near}?` : `known here: ${known.join(", ")}`,
  };
}

/** A text that passes a check; the check says what is wrong with it. */
export function textThat(check: (text: string) => string | undefined): Reading<string> {
  return (node, tell) => {
    if (node.kind !== "scalar") return wrong(node, tell, "expected a text");
    const fault = check(node.value);
    return fault === undefined ? node.value : wrong(node, tell, fault);
  };
}

/** A text on one line. */
export const line = textThat((text) =>
  text === "" || /\p{Cc}/u.test(text) ? "expected a text on one line" : undefined,
);

/** A text or a list of texts. */
export function oneOrMore(reading: Reading<string>): Reading<readonly string[]> {
  return (node, tell) => {
    const items = node.kind === "sequence" ? node.items : [node];
    if (items.length === 0) return wrong(node, tell, "expected one or more, found an empty list");
    const read = items.map((item) =>
      isNullScalar(item) ? wrong(item, tell, "expected a text") : reading(item, tell),
    );
    return read.every((item) => item !== undefined) ? read : undefined;
  };
}

/** One expression or several, which are joined. */
export const expressions: Reading<readonly string[]> = (node, tell) => {
  const texts = oneOrMore(expressionText)(node, tell);
  if (texts === undefined) return undefined;
  try {
    searchFor(texts);
    return texts;
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    const item = node.kind === "sequence" && error.index !== undefined ? node.items[error.index] : node;
    return wrong(item ?? node, tell, `it is no regular expression of Go: ${error.message}`);
  }
};

const expressionText = textThat((text) =>
  text === "" ? "an empty expression matches everything: leave it out" : undefined,
);

export const expression: Reading<string> = (node, tell) =>
  node.kind === "sequence" ? wrong(node, tell, "expected one expression") : expressions(node, tell)?.[0];

/** `true` or `false`. */
export const flag: Reading<boolean> = (node, tell) =>
  readBoolean(node) ?? wrong(node, tell, "expected true or false");

/** Whole seconds, of a duration. */
export const seconds: Reading<number> = (node, tell) =>
  (node.kind === "scalar" ? readSeconds(node.value) : undefined) ??
  wrong(node, tell, "expected a duration", "such as 30m, 4h or 1h30m");

/** A whole number from 1 on. */
export const count: Reading<number> = (node, tell) =>
  node.kind === "scalar" && /^[1-9][0-9]{0,5}$/.test(node.value)
    ? Number(node.value)
    : wrong(node, tell, "expected a whole number from 1 on");

/** Variables of an environment and their values. */
export const variables: Reading<Readonly<Record<string, string>>> = (node, tell) => {
  if (node.kind !== "mapping") return wrong(node, tell, "expected variables and their values");
  const seen = new Set<string>();
  const read = node.entries.flatMap(({ key, value }): [string, string][] => {
    if (isRepeated(key, seen, tell)) return [];
    // Whether those about a push are set by the run, the kind of the job says.
    const fault = isVariableOfProw(key.value, "periodic")
      ? `the run itself says what ${key.value} is`
      : variableFault(key.value);
    if (fault !== undefined) wrong(key, tell, fault);
    else if (value.kind !== "scalar") wrong(value, tell, "expected a text");
    else return [[key.value, isNullScalar(value) ? "" : value.value]];
    return [];
  });
  return Object.fromEntries(read);
};

/** What is wrong with the name of a variable. */
export function variableFault(name: string): string | undefined {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) ? undefined : `${shown(name)} is no name of a variable`;
}

/** Tells what is wrong with a node. */
export function wrong(node: YamlNode, tell: Tell, message: string, hint?: string): undefined {
  tell({ offset: node.start, message, ...(hint === undefined ? {} : { hint }) });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
