import { type Event, parseEvents, YAMLException } from "js-yaml";
import { compose } from "./compose.ts";
import { YamlSyntaxError } from "./errors.ts";
import type { YamlDocument } from "./node.ts";

/** Collections within collections; promoter manifests and settings need fewer than ten. */
const deepest = 64;

/**
 * Parses YAML with a string-only schema: every scalar is the text that was written. Anchors, aliases and merge keys
 * (`<<`) are resolved; an aliased node keeps the offsets of the place where it is written out. Of tags, those that
 * change nothing are allowed: `!`, `!!str`, `!!map` and `!!seq`.
 * @throws {YamlSyntaxError} for text that is no YAML, unknown or endless aliases, other tags, and keys that are no
 * scalars.
 */
export function parseYaml(text: string): YamlDocument {
  const known = last?.deref();
  if (known?.text === text) return known.document;
  const document = compose(text, events(text));
  if (text.length > worthRemembering) last = new WeakRef({ text, document });
  return document;
}

/** A file is read, then edited: the last large document is kept for as long as memory is not needed elsewhere. */
let last: WeakRef<{ readonly text: string; readonly document: YamlDocument }> | undefined;
const worthRemembering = 64 * 1024;

function events(text: string): Event[] {
  try {
    return parseEvents(text, { maxDepth: deepest });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const offset = Math.min(error.mark?.position ?? 0, text.length);
    throw new YamlSyntaxError(error.reason, offset, tabHint(text, offset) ?? hints.get(error.reason));
  }
}

const hints: ReadonlyMap<string, string> = new Map([
  ["deficient indentation", "a quote or bracket that was opened above is not closed on its line"],
  ["bad indentation of a mapping entry", "the keys of one mapping start in the same column"],
  ["bad indentation of a sequence entry", "the dashes of one list start in the same column"],
  ["missed comma between flow collection entries", "items within brackets are separated by commas"],
]);

function tabHint(text: string, offset: number): string | undefined {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const indentation = /^\s*/.exec(text.slice(lineStart, lineStart + 200))?.[0] ?? "";
  return indentation.includes("\t") ? "YAML is indented with spaces, never with tabs" : undefined;
}
