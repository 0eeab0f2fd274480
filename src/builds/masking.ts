/** What hides secrets in a stream of output. */
export interface Masker {
  /** What may be shown after this chunk: bytes that could be the beginning of a secret are kept back. */
  mask(chunk: Uint8Array): Uint8Array;
  flush(): Uint8Array;
}

/** Bytes of the shortest secret that is hidden. */
const minSecretBytes = 4;
/** Bytes of the shortest secret that is hidden in base64 too, and of the shortest line that is hidden alone. */
const minPartBytes = 8;
const stars = Buffer.from("***");

/**
 * Hides secrets in output: as they are, without the white space around them, line by line where lines are longer than 8
 * bytes, and in base64, also within something longer that was encoded as a whole (`user:secret`). Secrets that overlap are
 * hidden together; it does not matter where chunks end. Time and memory are linear in the output and the secrets.
 *
 * Secrets of less than 4 bytes are not hidden: they are found by chance in any output, and stars in those places would
 * tell what they are. Nor is a secret that a program has changed in another way: this is a net, not a wall.
 */
export function maskSecrets(values: Iterable<string>): Masker {
  const automaton = buildAutomaton(patternsOf(values));
  let state = 0;
  /** Bytes that are kept back; `start` is how many have been shown before them. */
  let kept = Buffer.alloc(0);
  let start = 0;
  /** What is to be hidden of them, in order and apart. Positions count from the beginning of the stream. */
  let hidden: { readonly from: number; readonly to: number }[] = [];

  const hide = (from: number, to: number) => {
    let first = from;
    for (let last = hidden.at(-1); last !== undefined && last.to > from; last = hidden.at(-1)) {
      first = Math.min(first, last.from);
      hidden.pop();
    }
    hidden.push({ from: first, to });
  };

  /** Shows what is kept up to a position, before which nothing more will be found. */
  const release = (bytes: Buffer, until: number): Buffer => {
    const pieces: Uint8Array[] = [];
    let shown = start;
    const over = hidden.findIndex(({ to }) => to > until);
    const count = over < 0 ? hidden.length : over;
    for (const { from, to } of hidden.slice(0, count)) {
      pieces.push(bytes.subarray(shown - start, from - start), stars);
      shown = to;
    }
    const [open, ...later] = hidden.slice(count);
    const end = Math.min(until, open?.from ?? until);
    pieces.push(bytes.subarray(shown - start, end - start));
    kept = Buffer.from(bytes.subarray(until - start));
    start = until;
    // What is hidden in any case need not be kept, so that secrets one over another do not pile up.
    hidden = open === undefined ? [] : [{ from: Math.max(open.from, until), to: open.to }, ...later];
    return Buffer.concat(pieces);
  };

  return {
    mask(chunk) {
      const bytes = Buffer.concat([kept, chunk]);
      const offset = start + kept.length;
      for (let index = 0; index < chunk.length; index++) {
        state = automaton.next(state, chunk[index] ?? 0);
        const length = automaton.longest(state);
        if (length > 0) hide(offset + index + 1 - length, offset + index + 1);
      }
      return release(bytes, offset + chunk.length - automaton.depth(state));
    },
    flush() {
      state = 0;
      return release(kept, start + kept.length);
    },
  };
}

function patternsOf(values: Iterable<string>): Buffer[] {
  const texts = new Set<string>();
  const patterns: Buffer[] = [];
  for (const value of values) {
    for (const text of [value, value.trim()]) if (Buffer.byteLength(text) >= minSecretBytes) texts.add(text);
    const lines = value.split(/\r\n|\n|\r/);
    if (lines.length < 2) continue;
    for (const line of lines) if (Buffer.byteLength(line.trim()) > minPartBytes) texts.add(line.trim());
  }
  for (const text of texts) {
    const bytes = Buffer.from(text);
    patterns.push(bytes);
    if (bytes.length >= minPartBytes) patterns.push(...encodedForms(bytes));
  }
  return patterns;
}

/** The base64 of bytes, in both alphabets, as far as what stands before and after them does not change it. */
function encodedForms(bytes: Buffer): Buffer[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((whole.length * 8) / 6);
    return (["base64", "base64url"] as const).map((form) =>
      Buffer.from(whole.toString(form).slice(from, to)),
    );
  });
}

/** The algorithm of Aho and Corasick: finds all patterns in one pass. */
function buildAutomaton(patterns: readonly Buffer[]) {
  const edges = new Map<number, number>();
  const depths = [0];
  const longest = [0];
  const fallback = [0];
  for (const pattern of patterns) {
    let state = 0;
    for (const byte of pattern) {
      const edge = state * 256 + byte;
      let target = edges.get(edge);
      if (target === undefined) {
        target = depths.length;
        edges.set(edge, target);
        depths.push((depths[state] ?? 0) + 1);
        longest.push(0);
        fallback.push(0);
      }
      state = target;
    }
    longest[state] = pattern.length;
  }
  const next = (from: number, byte: number): number => {
    for (let state = from; ; state = fallback[state] ?? 0) {
      const target = edges.get(state * 256 + byte);
      if (target !== undefined) return target;
      if (state === 0) return 0;
    }
  };
  // From short to long: what a state falls back to is shorter than it.
  const inOrder = [...edges].sort(([, one], [, two]) => (depths[one] ?? 0) - (depths[two] ?? 0));
  for (const [edge, state] of inOrder) {
    const parent = Math.floor(edge / 256);
    fallback[state] = parent === 0 ? 0 : next(fallback[parent] ?? 0, edge % 256);
    longest[state] = Math.max(longest[state] ?? 0, longest[fallback[state] ?? 0] ?? 0);
  }
  return {
    next,
    /** Bytes of the longest pattern that ends here; 0 when none does. */
    longest: (state: number): number => longest[state] ?? 0,
    /** Bytes that may be the beginning of a pattern. */
    depth: (state: number): number => depths[state] ?? 0,
  };
}

/** Hides the secrets of a run, wherever something of it is shown or recorded. */
export interface HiddenSecrets {
  /** For one stream of output, which may break a secret anywhere. */
  stream(): Masker;
  text(text: string): string;
  /** For plain data: every text in it, but no key. */
  document<Document>(document: Document): Document;
}

const untouched: Masker = { mask: (chunk) => chunk, flush: () => new Uint8Array() };

/** Hides these values; without any, nothing is looked at. */
export function hideSecrets(values: readonly string[]): HiddenSecrets {
  if (values.length === 0) {
    return { stream: () => untouched, text: (text) => text, document: (document) => document };
  }
  const masker = maskSecrets(values);
  const text = (whole: string): string =>
    Buffer.concat([masker.mask(Buffer.from(whole)), masker.flush()]).toString("utf8");
  const hide = (value: unknown): unknown => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(hide);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, hide(one)]));
  };
  return {
    stream: () => maskSecrets(values),
    text,
    document: <Document>(document: Document) => hide(document) as Document,
  };
}
