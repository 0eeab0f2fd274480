import { type Event, parseEvents, YAMLException } from "js-yaml";
import { YamlSyntaxError } from "./errors.ts";

/** Collections within collections; promoter manifests and settings need fewer than ten. */
const deepest = 64;

/** Characters that are read again and again for lines that stand too far to the left: a second or two. */
const maxReadAgain = 32 * 1024 * 1024;

/**
 * The events of a text, by js-yaml. Within brackets, braces and quotes, lines may begin anywhere and tabs stand where
 * blanks do, as for the readers of Go and Python (libyaml, `yaml_parser_scan_to_next_token`, which minds indentation
 * outside of them only); js-yaml and the library `yaml` go by the grammar of YAML 1.2, which wants every line further
 * to the right than the key. So a place that js-yaml refuses for that reason alone is moved to the right, and the
 * offsets are those of the text as it is written.
 * @throws {YamlSyntaxError}
 */
export function readEvents(text: string): readonly Event[] {
  const attempt = new Attempt(text);
  let moved: Complaint | undefined;
  for (let read = 0; ; ) {
    try {
      return attempt.placed(parseEvents(attempt.text, { maxDepth: deepest }));
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error;
      const offset = Math.min(error.mark?.position ?? 0, attempt.text.length);
      const complaint = { reason: error.reason, offset: attempt.written(offset) };
      const mayPass = error.reason === "deficient indentation" && read < maxReadAgain;
      if (mayPass && attempt.moveRight(offset)) {
        moved = complaint;
        read += attempt.text.length;
        continue;
      }
      // A line that is no better further to the right is wrong where it stands.
      const isSameLine = moved !== undefined && startOfLine(text, complaint.offset) <= moved.offset;
      throw syntaxError(text, isSameLine ? (moved ?? complaint) : complaint);
    }
  }
}

/** A text with places moved to the right. Those come one after the other, as the text is read. */
class Attempt {
  text: string;
  /** Blanks put in front of a line: further to the right than any key can stand. */
  #blanks = "";
  /** Offsets of the lines that were moved, in the text with what was moved before them. */
  readonly #moved: number[] = [];

  constructor(text: string) {
    this.text = text;
  }

  /** Gets one place out of the way. @returns Whether anything was to be moved. */
  moveRight(offset: number): boolean {
    const lineStart = startOfLine(this.text, offset);
    const before = this.text.slice(lineStart, offset);
    if (before.includes("\t")) {
      // A tab between two signs counts as if the line were too far to the left.
      this.text = this.text.slice(0, lineStart) + before.replaceAll("\t", " ") + this.text.slice(offset);
      return true;
    }
    if (before.trim() !== "" || this.#moved.at(-1) === lineStart) return false;
    this.#blanks ||= " ".repeat(1 + furthestKey(this.text));
    this.text = this.text.slice(0, lineStart) + this.#blanks + this.text.slice(lineStart);
    this.#moved.push(lineStart);
    return true;
  }

  /** The offset in the text as it is written. */
  written(offset: number): number {
    let low = 0;
    let high = this.#moved.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#moved[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return offset - low * this.#blanks.length;
  }

  /** Events with the offsets of the text as it is written. */
  placed(events: readonly Event[]): readonly Event[] {
    if (this.#moved.length === 0) return events;
    return events.map((event) => {
      const entries = Object.entries(event).map(([key, value]: [string, unknown]) => {
        const isOffset = offsetKeys.has(key) && typeof value === "number" && value >= 0;
        return [key, isOffset ? this.written(value) : value];
      });
      return { ...event, ...Object.fromEntries(entries) };
    });
  }
}

const offsetKeys: ReadonlySet<string> = new Set(
  "start valueStart valueEnd anchorStart anchorEnd tagStart tagEnd".split(" "),
);

/** Columns that no key of a block begins behind. */
function furthestKey(text: string): number {
  const indents = text.match(/^[ \t?-]+/gm) ?? [];
  return indents.reduce((most, { length }) => Math.max(most, length), 0);
}

function startOfLine(text: string, offset: number): number {
  return Math.max(text.lastIndexOf("\n", offset - 1), text.lastIndexOf("\r", offset - 1)) + 1;
}

/** What js-yaml has against a text, with the offset in it as it is written. */
interface Complaint {
  readonly reason: string;
  readonly offset: number;
}

function syntaxError(text: string, { reason, offset }: Complaint): YamlSyntaxError {
  return new YamlSyntaxError(reason, offset, tabHint(text, offset) ?? hints.get(reason));
}

const hints: ReadonlyMap<string, string> = new Map([
  [
    "deficient indentation",
    "a quote or bracket that was opened above is not closed, or stands further to the left than its key",
  ],
  ["bad indentation of a mapping entry", "the keys of one mapping start in the same column"],
  ["bad indentation of a sequence entry", "the dashes of one list start in the same column"],
  ["missed comma between flow collection entries", "items within brackets are separated by commas"],
]);

function tabHint(text: string, offset: number): string | undefined {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const indentation = /^\s*/.exec(text.slice(lineStart, lineStart + 200))?.[0] ?? "";
  return indentation.includes("\t") ? "YAML is indented with spaces, never with tabs" : undefined;
}
