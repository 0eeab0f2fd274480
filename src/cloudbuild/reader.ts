import type { LineIndex, TextPosition } from "../diagnostics/index.ts";
import type { YamlNode, YamlScalar } from "../yaml/index.ts";
import type { CloudBuildText } from "./file.ts";
import type { Findings } from "./findings.ts";

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

/** Where a node stands. */
export function placeOf(node: YamlNode, { lines }: ReadingContext): TextPosition {
  return lines.at(node.start);
}

/** A scalar with the places of its `$`: those in the text, unless there are more or fewer of them than in the value. */
export function placedText(scalar: YamlScalar, { text, lines }: ReadingContext): CloudBuildText {
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
