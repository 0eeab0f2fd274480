import type { YamlNode, YamlScalar } from "../yaml/index.ts";
import type { CloudBuildText } from "./file.ts";
import { quoted, shortened } from "./findings.ts";
import { typedScalar } from "./google-fields.ts";
import { nearest } from "./nearest.ts";
import { type Placed, placedText, placeOf, type Reader, type ReadingContext } from "./reader.ts";

/** A text; what Google's tools take for something else without quotes is said. */
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
