import { compose } from "./compose.ts";
import { refuseDisputed } from "./disputed.ts";
import { readEvents } from "./events.ts";
import type { YamlDocument } from "./node.ts";

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
  refuseDisputed(text);
  const document = compose(text, readEvents(text));
  if (text.length > worthRemembering) last = new WeakRef({ text, document });
  return document;
}

/** A file is read, then edited: the last large document is kept for as long as memory is not needed elsewhere. */
let last: WeakRef<{ readonly text: string; readonly document: YamlDocument }> | undefined;
const worthRemembering = 64 * 1024;
