import { WaybillError } from "../errors/index.ts";
import { digestFault, isDigest, isHost, isTag, repositoryFault } from "../oci/index.ts";

/** Options of the command line that take patterns. */
export type PatternOption = "--project" | "--image" | "--tag" | "--digest" | "--to";

/** Why a selection cannot be looked at. */
export type SelectionErrorCode = "invalid-pattern" | "nothing-selected";

/** A selection that can mean nothing, or that means nothing of what there is. */
export class SelectionError extends WaybillError<SelectionErrorCode> {
  override readonly name = "SelectionError";
}

/** One value of an option that takes patterns. */
export interface Pattern {
  /** As it was given. */
  readonly text: string;
  /** It is a name, and means what is called so. */
  readonly isExact: boolean;
  /** Whether it means what has these names. A glob that begins with `!` means what it would not mean without. */
  matches(...names: readonly string[]): boolean;
}

/** All values of an option: what one of them means is meant. */
export interface Patterns {
  /** There are none: everything is meant. */
  readonly isOpen: boolean;
  readonly all: readonly Pattern[];
  /** The values that are names. */
  readonly exact: ReadonlySet<string>;
  matches(...names: readonly string[]): boolean;
}

/** The values of an option as patterns. @throws {SelectionError} `invalid-pattern`. */
export async function parsePatterns(option: PatternOption, texts: readonly string[]): Promise<Patterns> {
  const all = await Promise.all(texts.map((text) => parsePattern(option, text)));
  return {
    isOpen: all.length === 0,
    all,
    exact: new Set(all.flatMap(({ isExact, text }) => (isExact ? [text] : []))),
    matches: (...names) => all.length === 0 || all.some((pattern) => pattern.matches(...names)),
  };
}

/**
 * A value as a pattern:
 * - `regex:EXPRESSION` is one of RE2, which has to fit a name as a whole.
 * - `semver:RANGE` is a range of versions, as npm has them, of tags that are a version, with or without a `v` in front. One
 *   with a pre-release fits where the range names a pre-release of the same version alone.
 * - What has any of the characters `*?[]{}()!` is a glob in the manner of shells: `*` stops at slashes, `**` does not.
 * - Everything else is a name.
 *
 * @throws {SelectionError} `invalid-pattern` for one that can mean nothing.
 */
async function parsePattern(option: PatternOption, text: string): Promise<Pattern> {
  const [, prefix, rest = ""] = /^(regex|semver):(.*)$/s.exec(text) ?? [];
  if (prefix === "regex") return { text, isExact: false, matches: await expression(option, text, rest) };
  if (prefix === "semver") return { text, isExact: false, matches: await range(option, text, rest) };
  if (isGlob(text)) return { text, isExact: false, matches: await glob(option, text) };
  const fault = faults[option](text);
  if (fault !== undefined) throw invalid(option, text, fault);
  return { text, isExact: true, matches: (...names) => names.includes(text) };
}

type Matches = Pattern["matches"];

/** Hosts that are addresses have brackets; in no other name does one of these characters stand. */
function isGlob(text: string): boolean {
  return /[*?[\]{}()!]/.test(text.replace(/^\[[0-9a-f:.]+\](?=$|[:/])/, ""));
}

async function glob(option: PatternOption, text: string): Promise<Matches> {
  if (/\{[^{},]*\.\.[^{},]*\}/.test(text)) {
    throw invalid(option, text, "ranges in braces are not counted out", {
      hint: "list what they stand for, as in v1.{30,31}, or say semver:>=1.30 <1.32",
    });
  }
  const isNegated = /^!(?!\()/.test(text);
  try {
    const fits = await globMatcher(isNegated ? text.slice(1) : text);
    return (...names) => names.some((name) => fits(name)) !== isNegated;
  } catch (cause) {
    throw invalid(option, text, "it is no glob", { cause });
  }
}

/** What globs are made to look ahead for: names that are empty, `.` or `..`, which nothing has here. */
const guards = ["(?!\\.{1,2}(?:\\/|$))", "(?!(?:^|\\/)\\.{1,2}(?:\\/|$))", "(?=.)"];

/**
 * Names are those of whoever pushes: a glob with more than two stars could be kept busy by one of them for minutes, unless it is
 * matched in linear time. RE2 has nothing like `!(…)`, which no name is long enough to make slow by itself.
 */
async function globMatcher(text: string): Promise<(name: string) => boolean> {
  const { default: picomatch } = await import("picomatch");
  const fits = picomatch(text, { dot: true });
  const { source } = picomatch.makeRe(text, { dot: true });
  if ((source.match(/[*+]/g)?.length ?? 0) <= maxStars) return (name) => fits(name);
  const { RE2JS } = await import("re2js");
  try {
    const compiled = RE2JS.compile(guards.reduce((left, guard) => left.replaceAll(guard, ""), source));
    return (name) => compiled.matches(name);
  } catch {
    return (name) => fits(name);
  }
}

const maxStars = 2;

/** The longest that are known have fewer than 300 characters. */
const maxExpressionLength = 4000;

async function expression(option: PatternOption, text: string, source: string): Promise<Matches> {
  if (source === "") throw invalid(option, text, "there is no expression behind regex:");
  if (source.length > maxExpressionLength) {
    throw invalid(option, text, `it has more than ${maxExpressionLength} characters`);
  }
  const { RE2JS } = await import("re2js");
  try {
    const compiled = RE2JS.compile(source);
    return (...names) => names.some((name) => compiled.matches(name));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw invalid(option, text, message.replace(/^error parsing regexp: /, ""), {
      hint: "expressions are those of RE2, as Go has them",
      cause,
    });
  }
}

async function range(option: PatternOption, text: string, source: string): Promise<Matches> {
  if (option !== "--tag") throw invalid(option, text, "ranges of versions are for --tag");
  if (source.trim() === "") throw invalid(option, text, "there is no range behind semver:");
  const { default: Range } = await import("semver/classes/range.js");
  const versionOf = await versionReader();
  const parsed = asRange(source);
  if (parsed !== undefined) {
    return (...names) =>
      names.some((name) => {
        const version = versionOf(name);
        return version !== undefined && parsed.test(version.version);
      });
  }
  const part = source.split(/\|\||\s+/).find((each) => each !== "" && asRange(each) === undefined);
  throw invalid(option, text, `${JSON.stringify(part ?? source)} is no range of versions`, {
    hint: "such as semver:>=1.30 <1.32, semver:^2.1 or semver:1.x || 2.x",
  });

  function asRange(words: string): InstanceType<typeof Range> | undefined {
    try {
      return new Range(words);
    } catch {
      return undefined;
    }
  }
}

/** A version of Semantic Versioning 2.0.0. */
export interface TagVersion {
  /** Without a `v` in front and a build behind. */
  readonly version: string;
  /** Its parts, such as `rc` and `1`; empty for a release. */
  readonly prerelease: readonly (string | number)[];
  /** Below zero when it comes before another version, by the rules of precedence. */
  compare(version: string): number;
}

/**
 * Reads tags that are versions: three numbers, maybe with a `v` in front, a pre-release or a build behind. Helm writes `_` where
 * a version has `+`, which tags may not have.
 */
export async function versionReader(): Promise<(tag: string) => TagVersion | undefined> {
  const { default: parse } = await import("semver/functions/parse.js");
  return (tag) => parse(tag.replace("_", "+")) ?? undefined;
}

/** What is wrong with a name, so that nothing can be called so. */
const faults: Readonly<Record<PatternOption, (text: string) => string | undefined>> = {
  "--project": (text) => (text === "" ? "it is empty" : undefined),
  "--image": (text) =>
    repositoryFault(text) === undefined ? undefined : repositoryFault(`localhost/${text}`),
  "--tag": tagFault,
  "--digest": (text) => (isDigest(text) ? undefined : digestFault(text)),
  "--to": (text) => (isHost(text) ? undefined : repositoryFault(text)),
};

/** Versions of charts may have a `+`, which tags may not: Helm writes `_` for it (Helm documentation, OCI registries). */
function tagFault(text: string): string | undefined {
  if (isTag(text)) return undefined;
  const written = text.replaceAll("+", "_");
  return isTag(written) ? `it is no tag, for tags have no +; Helm writes ${written} for it` : "it is no tag";
}

function invalid(
  option: PatternOption,
  text: string,
  why: string,
  details: { readonly hint?: string; readonly cause?: unknown } = {},
): SelectionError {
  const message = `${option} ${JSON.stringify(text)} can match nothing: ${why}`;
  return new SelectionError("invalid-pattern", message, { where: option, ...details });
}
