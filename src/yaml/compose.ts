import {
  COLLECTION_STYLE,
  EVENT_ID,
  type Event,
  getScalarValue,
  type MappingEvent,
  SCALAR_STYLE,
  type ScalarEvent,
  type SequenceEvent,
} from "js-yaml";
import { YamlSyntaxError } from "./errors.ts";
import type { YamlDocument, YamlEntry, YamlMapping, YamlNode, YamlScalar, YamlSequence } from "./node.ts";

/** Nodes that aliases may add to a document before it is taken for an attack ("billion laughs"). */
const aliasedNodesLimit = 100_000;

/** What may stand between nodes, beside comments. */
const gapSigns = " \t\r\n,";

/** What a node is to the one around it: says which sign announces a node that is not written. */
type Role = "root" | "item" | "key" | "value";

/**
 * Makes nodes of the events of js-yaml. The events tell where scalars are and where collections start; where
 * collections end, and where nodes stand that are not written (`dmap:` and nothing behind it), comes from the text.
 * @throws {YamlSyntaxError}
 */
export function compose(text: string, events: readonly Event[]): YamlDocument {
  return new Composer(text, events).compose();
}

class Composer {
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #anchors = new Map<string, { node: YamlNode; size: number }>();
  #at = 0;
  /** Offset behind everything that has become a node so far. */
  #cursor = 0;
  #flowDepth = 0;
  #nodes = 0;
  #aliased = 0;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events;
  }

  compose(): YamlDocument {
    const first = this.#events[0];
    if (first?.type !== EVENT_ID.DOCUMENT) return { root: undefined, secondDocument: undefined };
    this.#at = 1;
    const node = this.#node("root");
    const root = isNotWritten(node) ? undefined : node;
    this.#at += 1;
    if (this.#at >= this.#events.length) return { root, secondDocument: undefined };
    const markers = root === undefined && first.explicitStart ? 2 : 1;
    return { root, secondDocument: this.#documentMarker(markers) };
  }

  /** Offset of the so-manieth line behind the cursor that separates documents. */
  #documentMarker(count: number): number {
    const marker = /^(?:---|\.\.\.)(?=\s|$)/gm;
    marker.lastIndex = this.#cursor;
    let offset = this.#text.length;
    for (let found = 0; found < count; found += 1) offset = marker.exec(this.#text)?.index ?? offset;
    return offset;
  }

  #node(role: Role): YamlNode {
    const event = this.#events[this.#at];
    this.#at += 1;
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        return this.#remember(event, this.#scalar(event, role), 1);
      case EVENT_ID.SEQUENCE:
        return this.#sequence(event);
      case EVENT_ID.MAPPING:
        return this.#mapping(event);
      case EVENT_ID.ALIAS:
        return this.#alias(event.anchorStart, event.anchorEnd);
      default:
        throw new YamlSyntaxError("the document ends too early", this.#text.length);
    }
  }

  #sequence(event: SequenceEvent): YamlSequence {
    const before = this.#nodes;
    this.#refuseTag(event, "!!seq");
    const flow = event.style === COLLECTION_STYLE.FLOW;
    this.#cursor = flow ? event.start + 1 : event.start;
    const items: YamlNode[] = [];
    if (flow) this.#flowDepth += 1;
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) items.push(this.#node("item"));
    this.#at += 1;
    if (flow) this.#close("]");
    if (flow) this.#flowDepth -= 1;
    const node: YamlSequence = { kind: "sequence", start: event.start, end: this.#cursor, flow, items };
    return this.#remember(event, node, this.#nodes - before + 1);
  }

  #mapping(event: MappingEvent): YamlMapping {
    const before = this.#nodes;
    this.#refuseTag(event, "!!map");
    const flow = event.style === COLLECTION_STYLE.FLOW;
    // A pair within brackets, [a: b], is a mapping in flow style without braces.
    const braces = flow && this.#text[event.start] === "{";
    this.#cursor = braces ? event.start + 1 : event.start;
    const entries: MergedEntry[] = [];
    if (flow) this.#flowDepth += 1;
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
      const key = this.#node("key");
      if (key.kind !== "scalar") throw new YamlSyntaxError("a key must be a plain or quoted text", key.start);
      const value = this.#node("value");
      if (key.value === "<<" && key.style === "plain") entries.push(...merged(value));
      else entries.push({ key, value });
    }
    this.#at += 1;
    if (braces) this.#close("}");
    if (flow) this.#flowDepth -= 1;
    const node: YamlMapping = {
      kind: "mapping",
      start: event.start,
      end: this.#cursor,
      flow,
      entries: overridden(entries),
    };
    return this.#remember(event, node, this.#nodes - before + 1);
  }

  #alias(start: number, end: number): YamlNode {
    const name = this.#text.slice(start, end);
    const target = this.#anchors.get(name);
    if (target === undefined) throw new YamlSyntaxError(`unknown alias *${name.slice(0, 40)}`, start - 1);
    this.#cursor = end;
    this.#nodes += target.size;
    this.#aliased += target.size;
    if (this.#aliased > aliasedNodesLimit) {
      throw new YamlSyntaxError(`aliases repeat more than ${aliasedNodesLimit} nodes`, start - 1);
    }
    return target.node;
  }

  #remember<Node extends YamlNode>(
    event: { anchorStart: number; anchorEnd: number },
    node: Node,
    size: number,
  ): Node {
    this.#nodes += 1;
    if (event.anchorStart >= 0) {
      this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), { node, size });
    }
    return node;
  }

  /** @param allowed the tag that says what the node is anyway. */
  #refuseTag(event: { tagStart: number; tagEnd: number }, allowed: string): void {
    if (event.tagStart < 0) return;
    const tag = this.#text.slice(event.tagStart, event.tagEnd);
    if (tag !== allowed && tag !== "!") {
      const message = `the tag ${tag.slice(0, 40)} has no meaning here`;
      throw new YamlSyntaxError(message, event.tagStart, "leave it out");
    }
  }

  #scalar(event: ScalarEvent, role: Role): YamlScalar {
    this.#refuseTag(event, "!!str");
    const { start, end, style } = this.#placeOf(event, role);
    this.#cursor = end;
    return { kind: "scalar", value: this.#valueOf(event), style, start, end };
  }

  /** A block scalar that ends with the text has no last line break where there is none, as Go and Python read it. */
  #valueOf(event: ScalarEvent): string {
    const value = getScalarValue(this.#text, event);
    const isBlock = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK;
    const isCutOff = isBlock && event.valueEnd === this.#text.length && !/[\r\n]$/.test(this.#text);
    return isCutOff ? value.replace(/\n$/, "") : value;
  }

  #placeOf(event: ScalarEvent, role: Role): Pick<YamlScalar, "start" | "end" | "style"> {
    if (event.valueStart < 0) {
      const place = Math.max(this.#unwritten(role), event.anchorEnd, event.tagEnd);
      return { start: place, end: place, style: "plain" };
    }
    if (event.style === SCALAR_STYLE.PLAIN) {
      return { start: event.valueStart, end: event.valueEnd, style: "plain" };
    }
    if (event.style === SCALAR_STYLE.DOUBLE_QUOTED || event.style === SCALAR_STYLE.SINGLE_QUOTED) {
      const style = event.style === SCALAR_STYLE.DOUBLE_QUOTED ? "double" : "single";
      return { start: event.valueStart - 1, end: event.valueEnd + 1, style };
    }
    const start = this.#blockIndicator(Math.max(this.#cursor, event.anchorEnd, event.tagEnd));
    const lineBreak = /\r?\n?$/.exec(this.#text.slice(start, event.valueEnd))?.[0].length ?? 0;
    return { start, end: event.valueEnd - lineBreak, style: "block" };
  }

  /** Where a node that is not written would stand: behind the sign that announces it. */
  #unwritten(role: Role): number {
    const next = this.#skipGap(this.#cursor, role !== "value");
    const sign = this.#text[next];
    if (role === "value") return this.#isColon(next) ? next + 1 : this.#cursor;
    if (role === "item") return sign === "-" ? next + 1 : this.#cursor;
    if (role === "key") return sign === "?" ? next + 1 : next;
    return this.#cursor;
  }

  /** Whether a colon stands there that ends a key, rather than one that starts a text. */
  #isColon(at: number): boolean {
    if (this.#text[at] !== ":") return false;
    const next = this.#text[at + 1] ?? "\n";
    return " \t\r\n".includes(next) || (this.#flowDepth > 0 && ",[]{}".includes(next));
  }

  /** The `|` or `>` of a block scalar, behind the signs that announce it. */
  #blockIndicator(from: number): number {
    let at = this.#skipGap(from);
    while (/[-:?]/.test(this.#text[at] ?? "")) at = this.#skipGap(at + 1);
    return at;
  }

  /** Moves the cursor behind the bracket that closes a collection. */
  #close(bracket: string): void {
    let at = this.#skipGap(this.#cursor);
    while (at < this.#text.length && this.#text[at] !== bracket) at = this.#skipGap(at + 1);
    this.#cursor = Math.min(at + 1, this.#text.length);
  }

  /** Behind blanks, line breaks, comments and, unless told otherwise, commas. */
  #skipGap(from: number, commas = true): number {
    let at = from === 0 && this.#text.startsWith("\uFEFF") ? 1 : from;
    for (; at < this.#text.length; at += 1) {
      const sign = this.#text[at] ?? "";
      if (sign === "#" && (at <= 1 || gapSigns.includes(this.#text[at - 1] ?? "")))
        at = this.#lineEnd(at) - 1;
      else if (!gapSigns.includes(sign) || (sign === "," && !commas)) break;
    }
    return at;
  }

  #lineEnd(from: number): number {
    const rest = /[^\r\n]*/y;
    rest.lastIndex = from;
    rest.test(this.#text);
    return rest.lastIndex;
  }
}

function isNotWritten(node: YamlNode): boolean {
  return node.kind === "scalar" && node.style === "plain" && node.start === node.end;
}

interface MergedEntry extends YamlEntry {
  readonly merged?: true;
}

function merged(value: YamlNode): MergedEntry[] {
  if (value.kind === "mapping") return value.entries.map(({ key, value }) => ({ key, value, merged: true }));
  if (value.kind === "sequence") return value.items.flatMap(merged);
  throw new YamlSyntaxError("a merge key (<<) takes a mapping or a list of mappings", value.start);
}

/** Entries that a merge brought in give way to those written in the mapping itself, and later merges to earlier ones. */
function overridden(entries: readonly MergedEntry[]): readonly YamlEntry[] {
  if (!entries.some((entry) => entry.merged)) return entries;
  const known = new Set(entries.filter((entry) => !entry.merged).map((entry) => entry.key.value));
  const kept: YamlEntry[] = [];
  for (const { key, value, merged: isMerged } of entries) {
    if (isMerged && known.has(key.value)) continue;
    known.add(key.value);
    kept.push({ key, value });
  }
  return kept;
}
