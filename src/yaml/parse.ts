import { compose } from "./compose.ts";
import { YamlSyntaxError } from "./errors.ts";
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

/**
 * Every sign but those that all readers take alike: tab, line breaks, U+0020 to U+007E, U+00A0 and above, without the
 * line breaks that are none any more (YAML 1.2.2, section 5.4) and without what libyaml, its ports or PyYAML refuse
 * wherever it stands, in comments too (`yaml_parser_update_buffer`).
 */
const disputedSigns = /[^\t\n\r\x20-\x7e\u00a0-\u2027\u202a-\ufffd]/;

const lineBreaks = "\u0085\u2028\u2029";

/**
 * Refuses a text in which other readers may see another document: the end of a comment, and a line behind it, where
 * an editor shows one line.
 * @throws {YamlSyntaxError} at the first sign of that kind.
 */
function refuseDisputed(text: string): void {
  const match = disputedSigns.exec(text);
  if (match === null) return;
  const code = `U+${match[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  const message = lineBreaks.includes(match[0])
    ? `${code} ends the line for other readers of YAML, and does not for us`
    : `the control character ${code} is refused by other readers of YAML`;
  throw new YamlSyntaxError(message, match.index, "take it out, or write it as an escape in double quotes");
}
