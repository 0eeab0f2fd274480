import {
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from "js-yaml";
import { WaybillError } from "../errors/index.ts";
import type { YamlEntry, YamlMapping, YamlNode, YamlScalar, YamlSequence } from "./node.ts";

/** Text that is no YAML, with the offset of the place where that shows. */
export class YamlSyntaxError extends WaybillError<"yaml-syntax"> {
  override readonly name = "YamlSyntaxError";
  /** Offset in the text. */
  readonly offset: number;

  constructor(message: string, offset: number, hint?: string) {
    super("yaml-syntax", message, { hint });
    this.offset = offset;
  }
}

/** The first document of a text. */
export interface YamlDocument {
  /** `undefined` when the document is empty or holds comments alone. */
  readonly root: YamlNode | undefined;
  /** Where a second document starts, if there is one: readers of promoter manifests refuse it. */
  readonly secondDocument: number | undefined;
}

/** Nodes that aliases may add to a document before it is taken for an attack ("billion laughs"). */
const aliasedNodesLimit = 100_000;

/**
 * Parses YAML with a string-only schema: every scalar is the text that was written. Anchors, aliases and merge keys
 * (`<<`) are resolved; an aliased node keeps the offsets of the place where it is written out.
 * @throws {YamlSyntaxError} for text that is no YAML, unknown or endless aliases, and keys that are no scalars.
 */
export function parseYaml(text: string): YamlDocument {
  const events = parse(text);
  const composer = new Composer(text, events);
  return composer.compose();
}

function parse(text: string): Event[] {
  try {
    return parseEvents(text, { maxDepth: 64 });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const offset = Math.min(error.mark?.position ?? 0, text.length);
    const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
    const hint = /^ *\t/.test(text.slice(lineStart))
      ? "YAML is indented with spaces, never with tabs"
      : undefined;
    throw new YamlSyntaxError(error.reason, offset, hint);
  }
}

class Composer {
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #anchors = new Map<string, { node: YamlNode; size: number }>();
  #at = 0;
  #nodes = 0;
  #aliased = 0;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events;
  }

  compose(): YamlDocument {
    let root: YamlNode | undefined;
    let documents = 0;
    while (this.#at < this.#events.length) {
      const event = this.#events[this.#at];
      if (event?.type === EVENT_ID.DOCUMENT) {
        documents += 1;
        if (documents === 2) return { root, secondDocument: this.#nextStart() };
        this.#at += 1;
      } else if (event?.type === EVENT_ID.POP) {
        this.#at += 1;
      } else {
        root = this.#node();
      }
    }
    const empty =
      root?.kind === "scalar" && root.style === "plain" && root.value === "" && root.start === root.end;
    return { root: empty ? undefined : root, secondDocument: undefined };
  }

  /** Where the second document shows: its separator, or its first node when the parser gives no better place. */
  #nextStart(): number {
    for (const event of this.#events.slice(this.#at + 1)) {
      if (event.type === EVENT_ID.SCALAR) return this.#scalarStart(event);
      if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) return event.start;
    }
    return this.#text.length;
  }

  #node(): YamlNode {
    const event = this.#events[this.#at];
    this.#at += 1;
    const before = this.#nodes;
    this.#nodes += 1;
    switch (event?.type) {
      case EVENT_ID.SCALAR: {
        const node = this.#scalar(event);
        this.#remember(event, node, before);
        return node;
      }
      case EVENT_ID.SEQUENCE: {
        const items: YamlNode[] = [];
        while (this.#events[this.#at]?.type !== EVENT_ID.POP) items.push(this.#node());
        this.#at += 1;
        const flow = this.#text[event.start] === "[";
        const end = this.#end(event.start, items.at(-1), flow ? "]" : undefined);
        const node: YamlSequence = { kind: "sequence", start: event.start, end, flow, items };
        this.#remember(event, node, before);
        return node;
      }
      case EVENT_ID.MAPPING: {
        const entries: YamlEntry[] = [];
        let last: YamlNode | undefined;
        while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
          const key = this.#node();
          if (key.kind !== "scalar")
            throw new YamlSyntaxError("a key must be a plain or quoted text", key.start);
          const value = this.#node();
          last = value.start >= key.start ? value : key;
          if (key.value === "<<" && key.style === "plain") entries.push(...this.#merged(value));
          else entries.push({ key, value });
        }
        this.#at += 1;
        const flow = this.#text[event.start] === "{";
        const end = this.#end(event.start, last, flow ? "}" : undefined);
        const node: YamlMapping = {
          kind: "mapping",
          start: event.start,
          end,
          flow,
          entries: overridden(entries),
        };
        this.#remember(event, node, before);
        return node;
      }
      case EVENT_ID.ALIAS: {
        const name = this.#text.slice(event.anchorStart, event.anchorEnd);
        const target = this.#anchors.get(name);
        if (target === undefined) throw new YamlSyntaxError(`unknown alias *${name}`, event.anchorStart);
        this.#aliased += target.size;
        this.#nodes += target.size;
        if (this.#aliased > aliasedNodesLimit) {
          throw new YamlSyntaxError(`aliases repeat more than ${aliasedNodesLimit} nodes`, event.anchorStart);
        }
        return target.node;
      }
      default:
        throw new YamlSyntaxError("the document ends too early", this.#text.length);
    }
  }

  #remember(event: { anchorStart: number; anchorEnd: number }, node: YamlNode, before: number): void {
    if (event.anchorStart < 0) return;
    const size = this.#nodes - before;
    this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), { node, size });
  }

  #scalarStart(event: ScalarEvent): number {
    return this.#isQuoted(event) ? event.valueStart - 1 : event.valueStart;
  }

  #isQuoted(event: ScalarEvent): boolean {
    return event.style === SCALAR_STYLE.DOUBLE_QUOTED || event.style === SCALAR_STYLE.SINGLE_QUOTED;
  }

  #scalar(event: ScalarEvent): YamlScalar {
    const style =
      event.style === SCALAR_STYLE.DOUBLE_QUOTED
        ? "double"
        : event.style === SCALAR_STYLE.SINGLE_QUOTED
          ? "single"
          : event.style === SCALAR_STYLE.PLAIN
            ? "plain"
            : "block";
    const start = this.#scalarStart(event);
    // An empty plain scalar has no place of its own: js-yaml gives -1 or the place where the next token starts.
    const empty = event.valueStart < 0;
    return {
      kind: "scalar",
      value: empty ? "" : getScalarValue(this.#text, event),
      style,
      start: empty ? this.#previousEnd() : start,
      end: empty ? this.#previousEnd() : this.#isQuoted(event) ? event.valueEnd + 1 : event.valueEnd,
    };
  }

  /** Where a value that is not written would stand: behind the colon or dash that announces it. */
  #previousEnd(): number {
    let end = 0;
    for (let at = this.#at - 2; at >= 0; at -= 1) {
      const event = this.#events[at];
      if (event?.type === EVENT_ID.SCALAR && event.valueEnd >= 0) {
        end = this.#isQuoted(event) ? event.valueEnd + 1 : event.valueEnd;
        break;
      }
      if (event?.type === EVENT_ID.SEQUENCE || event?.type === EVENT_ID.MAPPING) {
        end = event.start;
        break;
      }
    }
    const announced = /[ \t]*[:-]/y;
    announced.lastIndex = end;
    return announced.test(this.#text) ? announced.lastIndex : end;
  }

  /** Where a collection ends: behind its closing bracket, or with its last node. */
  #end(start: number, last: YamlNode | undefined, closing: string | undefined): number {
    let at = Math.max(last?.end ?? start, start);
    if (closing === undefined) return at;
    if (last === undefined) at += 1;
    while (at < this.#text.length && this.#text[at] !== closing) {
      if (this.#text[at] === "#" && /\s/.test(this.#text[at - 1] ?? " ")) {
        const newline = this.#text.indexOf("\n", at);
        at = newline < 0 ? this.#text.length : newline;
      } else at += 1;
    }
    return Math.min(at + 1, this.#text.length);
  }

  #merged(value: YamlNode): YamlEntry[] {
    if (value.kind === "mapping") return value.entries.map((entry) => ({ ...entry, merged: true }));
    if (value.kind === "sequence") return value.items.flatMap((item) => this.#merged(item));
    throw new YamlSyntaxError("a merge key (<<) takes a mapping or a list of mappings", value.start);
  }
}

/** Entries that a merge brought in give way to those written in the mapping itself, and later merges to earlier ones. */
function overridden(entries: readonly (YamlEntry & { merged?: boolean })[]): readonly YamlEntry[] {
  if (!entries.some((entry) => entry.merged)) return entries;
  const own = new Set(entries.filter((entry) => !entry.merged).map((entry) => entry.key.value));
  return entries.filter((entry) => {
    if (!entry.merged) return true;
    if (own.has(entry.key.value)) return false;
    own.add(entry.key.value);
    return true;
  });
}
