/**
 * Half-open range of offsets in the text: `start` is the first character, quotes and brackets included, anchors and
 * tags not. A block collection ends with its last node, a block scalar before its last line break; a node that is
 * not written is empty and stands behind the colon or dash that announces it.
 */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A scalar. Its value is the text as written (escapes of quoted styles resolved): never a number, date or boolean. */
export interface YamlScalar extends Span {
  readonly kind: "scalar";
  readonly value: string;
  readonly style: "plain" | "single" | "double" | "block";
}

/** A sequence, in flow style (`[a, b]`) or block style (`- a`). */
export interface YamlSequence extends Span {
  readonly kind: "sequence";
  readonly flow: boolean;
  readonly items: readonly YamlNode[];
}

/** One key and its value. Keys that are no scalars are refused by the parser. */
export interface YamlEntry {
  readonly key: YamlScalar;
  readonly value: YamlNode;
}

/** A mapping, entries in the order of the text; a key may repeat, which is for the reader to judge. */
export interface YamlMapping extends Span {
  readonly kind: "mapping";
  readonly flow: boolean;
  readonly entries: readonly YamlEntry[];
}

export type YamlNode = YamlScalar | YamlSequence | YamlMapping;

/** The first document of a text. */
export interface YamlDocument {
  /** `undefined` when the document is empty or holds comments alone. */
  readonly root: YamlNode | undefined;
  /** Offset of the line (`---` or `...`) that starts a second document, if there is one, be it empty. */
  readonly secondDocument: number | undefined;
}

/** Whether the scalar stands for null: plain and empty, `~`, `null`, `Null` or `NULL` (YAML 1.1). */
export function isNullScalar(node: YamlNode): boolean {
  return node.kind === "scalar" && node.style === "plain" && /^(?:~|null|Null|NULL)?$/.test(node.value);
}

/** YAML 1.1: each in lower case, in upper case, and with a capital. */
const yes = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const no = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** The scalar as a boolean of YAML 1.1 (`yes`, `on`, `true` and so on), or `undefined` when it is none or quoted. */
export function readBoolean(node: YamlNode): boolean | undefined {
  if (node.kind !== "scalar" || node.style !== "plain") return undefined;
  return yes.test(node.value) || (no.test(node.value) ? false : undefined);
}
