/** A part of a log that has a name. */
export interface LogChapter {
  /** The line that it begins with. */
  readonly line: number;
  readonly title: string;
  /** A step of a build, a group or a section that a program has marked, or a further attempt at the run. */
  readonly kind: "step" | "group" | "section" | "attempt";
}

/** What is worth a look in a log. */
export interface LogOutline {
  /** In their order, 1,000 at most. */
  readonly chapters: readonly LogChapter[];
  /** Numbers of lines that look like what went wrong: the first 500 and the last 500. */
  readonly suspects: readonly number[];
  /** How many of those there are. */
  readonly suspected: number;
}

const newline = 10;
const maxChapters = 1_000;
const maxSuspects = 500;
/** Characters of a line that are kept for the next piece: those of a word, and of what may stand before it. */
const tailLength = 48;
/** Characters of a line in which a mark is looked for, and something that went wrong. */
const head = { mark: 300, suspect: 16 * 1024 };

/** Words of what went wrong: each byte is a character here. */
const suspect =
  /(?:[Ee]rror|ERROR|[Ff]atal|FATAL|panic|PANIC|FAIL|FAILED|FAILURE|[Ff]ailed|[Ff]ailure|[Ee]xception|Traceback|denied|refused|conflict)(?![\w-])/g;
/** What comes right before a word when it is another one, and before that when it says that there is none; colors are no part of words. */
const within = /[\w-]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colors begin with it
const color = /\u001b\[[\d;]{0,20}m$/;
const none = /(?:^|\W)(?:0|no|without) $/;

const step = /^((?:\[[^\]]{1,100}\] )?Step #\d{1,6}(?: - "[^"]{1,100}")?): /;
const attempt = /^--- (attempt \d{1,9}) of this run begins ---/;
/** GitHub's groups and Buildkite's; lines of a comparison and results of Go's tests begin in the same way. */
const marks = [
  { kind: "group", pattern: /^(?:::group::|##\[group\])(.+)/ },
  {
    kind: "section",
    pattern: /^(?:---|\+\+\+|~~~) (?!(?:a|b)\/|\/dev\/null|(?:PASS|FAIL|SKIP|BENCH): |[^\t]*\t)(.*[^\s-].*)/,
  },
] as const;
/** What a line with a mark begins with: `:`, `#`, `-`, `+`, `~`, `S`, `[`. */
const markSigns: ReadonlySet<number> = new Set([..."::#-+~S["].map((sign) => sign.charCodeAt(0)));

/** Finds what is worth a look in a log that comes piece by piece. */
export class OutlineReader {
  readonly #chapters: LogChapter[] = [];
  readonly #steps = new Set<string>();
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  #suspected = 0;
  #lastSuspect = 0;
  #line = 1;
  /** Characters of the line before the piece. */
  #length = 0;
  /** The last of those, for words that come in two pieces. */
  #tail = "";
  /** The beginning of a line that may have a mark. */
  #open: string | undefined;

  add(piece: Uint8Array): void {
    // The rest of a line that goes on and on is not looked at.
    if (this.#length >= head.suspect && this.#open === undefined && !piece.includes(newline)) {
      this.#length += piece.length;
      return;
    }
    const known = this.#tail.length;
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const text = `${this.#tail}${bytes.toString("latin1")}`;
    let begin = known;
    suspect.lastIndex = 0;
    let found = suspect.exec(text);
    for (;;) {
      const end = text.indexOf("\n", begin);
      const until = end === -1 ? text.length : end;
      if (this.#length === 0 && markSigns.has(text.charCodeAt(begin))) this.#open = "";
      if (this.#open !== undefined) {
        this.#open += text.slice(begin, Math.min(until, begin + head.mark));
        if (end !== -1 || this.#open.length >= head.mark) this.#mark(this.#open);
      }
      while (found !== null && found.index < until) {
        const isNear = this.#length + found.index - begin < head.suspect;
        const from = begin === known ? 0 : begin;
        if (isNear && saysWrong(text.slice(Math.max(from, found.index - 24), found.index))) {
          this.#suspect();
          suspect.lastIndex = until;
        }
        found = suspect.exec(text);
      }
      if (end === -1) {
        this.#length += text.length - begin;
        this.#tail = text.slice(begin === known ? -tailLength : Math.max(begin, text.length - tailLength));
        return;
      }
      begin = end + 1;
      this.#line++;
      [this.#length, this.#open] = [0, undefined];
    }
  }

  read(): LogOutline {
    return {
      chapters: [...this.#chapters],
      suspects: [...this.#first, ...this.#last],
      suspected: this.#suspected,
    };
  }

  #suspect(): void {
    if (this.#lastSuspect === this.#line) return;
    this.#lastSuspect = this.#line;
    this.#suspected++;
    if (this.#first.length < maxSuspects) this.#first.push(this.#line);
    else {
      this.#last.push(this.#line);
      if (this.#last.length > maxSuspects) this.#last.shift();
    }
  }

  #mark(text: string): void {
    this.#open = undefined;
    const name = step.exec(text)?.[1];
    if (name !== undefined && !this.#steps.has(name)) this.#chapter("step", name);
    const rest = name === undefined ? text : text.slice(name.length + 2);
    const again = name === undefined ? attempt.exec(rest)?.[1] : undefined;
    if (again !== undefined) {
      this.#chapter("attempt", again);
      return;
    }
    for (const { kind, pattern } of marks) {
      const title = pattern.exec(rest)?.[1];
      if (title !== undefined) {
        this.#chapter(kind, title);
        return;
      }
    }
  }

  #chapter(kind: LogChapter["kind"], title: string): void {
    if (this.#chapters.length >= maxChapters) return;
    if (kind === "step") this.#steps.add(title);
    const shown = Buffer.from(title, "latin1")
      .toString("utf8")
      .replace(/[\s-]+$/, "");
    this.#chapters.push({ line: this.#line, title: shown, kind });
  }
}

/** Whether a word of what went wrong is meant so, by what stands before it. */
function saysWrong(before: string): boolean {
  return (!within.test(before) || color.test(before)) && !none.test(before);
}
