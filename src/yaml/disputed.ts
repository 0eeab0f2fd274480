import { YamlSyntaxError } from "./errors.ts";

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
export function refuseDisputed(text: string): void {
  const match = disputedSigns.exec(text);
  if (match === null) return;
  const code = `U+${match[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  const message = lineBreaks.includes(match[0])
    ? `${code} ends the line for other readers of YAML, and does not for us`
    : `the control character ${code} is refused by other readers of YAML`;
  throw new YamlSyntaxError(message, match.index, "take it out, or write it as an escape in double quotes");
}
