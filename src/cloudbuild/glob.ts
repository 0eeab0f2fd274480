type Place = (character: string) => boolean;
/** Places in a row, between stars. */
type Segment = readonly Place[];

/**
 * A pattern as bash understands it in parameter expansions: `*`, `?`, `[…]` with ranges, classes and `!`, and `\` before
 * a sign that stands for itself. Between its stars every segment has a fixed length, so that greed alone finds matches:
 * no pattern takes longer than its length times that of the text.
 */
export interface Glob {
  readonly segments: readonly Segment[];
}

/** Reads a pattern; every text is one. */
export function parseGlob(pattern: string): Glob {
  const signs = Array.from(pattern);
  const segments: Place[][] = [[]];
  const add = (place: Place): void => {
    segments.at(-1)?.push(place);
  };
  for (let at = 0; at < signs.length; at += 1) {
    const sign = signs[at] ?? "";
    const next = signs[at + 1];
    if (sign === "*") {
      // Stars in a row are one.
      if (segments.length === 1 || segments.at(-1)?.length !== 0) segments.push([]);
    } else if (sign === "?") add(() => true);
    else if (sign === "\\" && next !== undefined) {
      add((character) => character === next);
      at += 1;
    } else {
      const set = sign === "[" ? readSet(signs, at + 1) : undefined;
      add(set?.place ?? ((character) => character === sign));
      if (set !== undefined) at = set.end;
    }
  }
  return { segments };
}

/** What stands in brackets, from behind the first on; `undefined` without a bracket that closes them. */
function readSet(signs: readonly string[], from: number): { place: Place; end: number } | undefined {
  const negated = signs[from] === "!" || signs[from] === "^";
  const first = negated ? from + 1 : from;
  const tests: Place[] = [];
  for (let at = first; at < signs.length; at += 1) {
    const sign = signs[at] ?? "";
    if (sign === "]" && at > first) {
      return { place: (character) => tests.some((test) => test(character)) !== negated, end: at };
    }
    const named = sign === "[" && signs[at + 1] === ":" ? className(signs, at + 2) : undefined;
    if (named !== undefined) {
      const pattern = classes.get(named);
      tests.push((character) => pattern?.test(character) ?? false);
      at += named.length + 3;
      continue;
    }
    if (sign === "\\" && at + 1 < signs.length) at += 1;
    const low = signs[at] ?? "";
    const isRange = signs[at + 1] === "-" && signs[at + 2] !== undefined && signs[at + 2] !== "]";
    if (!isRange) {
      tests.push((character) => character === low);
      continue;
    }
    at += 2;
    if (signs[at] === "\\" && at + 1 < signs.length) at += 1;
    const [lowest, highest] = [codeOf(low), codeOf(signs[at] ?? "")];
    tests.push((character) => codeOf(character) >= lowest && codeOf(character) <= highest);
  }
  return undefined;
}

/** The word of `[:word:]`, from its first letter on. */
function className(signs: readonly string[], from: number): string | undefined {
  let end = from;
  while (/^[a-z]$/.test(signs[end] ?? "")) end += 1;
  return signs[end] === ":" && signs[end + 1] === "]" ? signs.slice(from, end).join("") : undefined;
}

const classes: ReadonlyMap<string, RegExp> = new Map([
  ["alnum", /^[\p{L}\p{Nd}]$/u],
  ["alpha", /^\p{L}$/u],
  ["ascii", /^[\0-\x7f]$/],
  ["blank", /^[ \t]$/],
  ["cntrl", /^\p{Cc}$/u],
  ["digit", /^[0-9]$/],
  ["graph", /^[^\s\p{C}]$/u],
  ["lower", /^\p{Ll}$/u],
  ["print", /^[^\p{C}]$/u],
  ["punct", /^[\p{P}\p{S}]$/u],
  ["space", /^\s$/],
  ["upper", /^\p{Lu}$/u],
  ["word", /^[\p{L}\p{Nd}_]$/u],
  ["xdigit", /^[0-9A-Fa-f]$/],
]);

function codeOf(character: string): number {
  return character.codePointAt(0) ?? -1;
}

/** Whether a text matches from its first character to its last. */
export function matchesWhole(glob: Glob, text: string): boolean {
  const characters = Array.from(text);
  return prefixLength(glob, characters, true) === characters.length;
}

/** How much of the text's beginning matches, as little or as much as there is, or `undefined`. */
export function prefixLength(glob: Glob, text: readonly string[], longest: boolean): number | undefined {
  const [first = []] = glob.segments;
  return matchesAt(first, text, 0) ? endOf(glob.segments, text, first.length, longest) : undefined;
}

/** How much of the text's end matches: {@link prefixLength} of both from behind. */
export function suffixLength(glob: Glob, text: readonly string[], longest: boolean): number | undefined {
  const segments = glob.segments.toReversed().map((segment) => segment.toReversed());
  return prefixLength({ segments }, text.toReversed(), longest);
}

/** The first place that something matches from an index on, and as much there as there is. */
export function firstMatch(glob: Glob, text: readonly string[], from: number) {
  const [first = []] = glob.segments;
  const start = findFirst(first, text, from);
  if (start === undefined) return undefined;
  // If what follows the first star is not behind here, it is not behind any later place either.
  const end = endOf(glob.segments, text, start + first.length, true);
  return end === undefined ? undefined : { start, end };
}

/** The end of a match whose first segment ends at an index. */
function endOf(
  segments: readonly Segment[],
  text: readonly string[],
  from: number,
  longest: boolean,
): number | undefined {
  let end = from;
  for (const segment of segments.slice(1, -1)) {
    const found = findFirst(segment, text, end);
    if (found === undefined) return undefined;
    end = found + segment.length;
  }
  const last = segments.at(-1) ?? [];
  if (segments.length === 1) return end;
  const found = longest ? findLast(last, text, end) : findFirst(last, text, end);
  return found === undefined ? undefined : found + last.length;
}

function findFirst(segment: Segment, text: readonly string[], from: number): number | undefined {
  for (let at = from; at + segment.length <= text.length; at += 1)
    if (matchesAt(segment, text, at)) return at;
  return undefined;
}

function findLast(segment: Segment, text: readonly string[], from: number): number | undefined {
  for (let at = text.length - segment.length; at >= from; at -= 1)
    if (matchesAt(segment, text, at)) return at;
  return undefined;
}

function matchesAt(segment: Segment, text: readonly string[], at: number): boolean {
  if (at + segment.length > text.length) return false;
  return segment.every((place, offset) => place(text[at + offset] ?? ""));
}
