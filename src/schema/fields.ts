import { type Findings, listed, nearest, printable, quoted } from "../diagnostics/index.ts";
import type { YamlEntry, YamlMapping, YamlNode, YamlScalar } from "../yaml/index.ts";

/** What is found wrong with the keys of a mapping. */
export const fieldCodes = {
  "unknown-key": { severity: "error", summary: "A key is not one that is known there." },
  "duplicate-key": { severity: "error", summary: "A key stands twice in one place." },
} as const;

type FieldFindings = Findings<keyof typeof fieldCodes>;

export interface FieldRules {
  readonly known: readonly string[];
  /** What the mapping is, with its article, as in "an image". */
  readonly what: string;
  /** Unknown keys mean nothing, and nothing is said of them. */
  readonly ignoresUnknown?: boolean | undefined;
  /** What to say about keys that are unknown, but not by a slip of the pen. */
  readonly advice?: ((key: string) => string | undefined) | undefined;
  /** The name that a key means, where it may be written in several ways. */
  readonly nameOf?: ((key: string) => string) | undefined;
}

/** The fields of one mapping. */
export interface Fields {
  /** Entries of known keys by their names; of a key that stands twice, the first. */
  readonly known: ReadonlyMap<string, YamlEntry>;
  /** Known keys that stand twice. */
  readonly repeated: ReadonlySet<string>;
  /** Known keys that some unknown key is likely to be meant for. */
  readonly misspelt: ReadonlySet<string>;
  /** Whether every key is known and stands once. */
  readonly clean: boolean;
  value(name: string): YamlNode | undefined;
}

/** More known keys than this are no answer to which one was meant. */
const maxListed = 15;

/** Most mappings have neither: they share these. */
const none = { entries: new Map<string, YamlEntry>(), words: new Set<string>() } as const;

/** Reads a mapping whose keys are known, and reports the unknown and the repeated ones. */
export function readFields(mapping: YamlMapping, rules: FieldRules, findings: FieldFindings): Fields {
  const known = new Map<string, YamlEntry>();
  let unknown = none.entries;
  let repeated = none.words;
  let misspelt = none.words;
  for (const entry of mapping.entries) {
    const written = entry.key.value;
    const name = rules.nameOf === undefined ? written : rules.nameOf(written);
    const isKnown = rules.known.includes(name);
    if (!isKnown && unknown === none.entries) unknown = new Map();
    const entries = isKnown ? known : unknown;
    const first = entries.get(name);
    if (first === undefined) entries.set(name, entry);
    else {
      if (isKnown) repeated = new Set(repeated).add(name);
      reportRepeated(entry.key, first.key, findings);
    }
  }
  for (const { key } of rules.ignoresUnknown === true ? [] : unknown.values()) {
    const meant = reportUnknown(key, known, rules, findings);
    if (meant !== undefined) misspelt = new Set(misspelt).add(meant);
  }
  return {
    known,
    repeated,
    misspelt,
    clean: unknown.size === 0 && repeated.size === 0,
    value: (name) => known.get(name)?.value,
  };
}

/** Says that a key stands twice in one mapping, in this spelling or in two. */
export function reportRepeated(key: YamlScalar, first: YamlScalar, findings: FieldFindings): void {
  const message =
    key.value === first.value
      ? `the key ${printable(key.value)} stands twice`
      : `${printable(key.value)} and ${printable(first.value)} are one field in two spellings`;
  const related = findings.isFull ? undefined : findings.related(first.start, "here it stands first");
  findings.report("duplicate-key", key.start, message, "keep one of them", related);
}

/** @returns the known key that it is likely to be meant for. */
function reportUnknown(
  { value: key, start }: YamlScalar,
  there: ReadonlyMap<string, unknown>,
  { known, what, advice }: FieldRules,
  findings: FieldFindings,
): string | undefined {
  const advised = advice?.(key);
  const absent = known.filter((name) => !there.has(name));
  const meant =
    advised === undefined && !findings.isFull ? (nearest(key, absent) ?? nearest(key, known)) : undefined;
  const all = known.length > maxListed ? undefined : `${what} has ${listed(known)}`;
  const hint = advised ?? (meant === undefined ? all : `did you mean ${meant}?`);
  findings.report("unknown-key", start, `unknown key ${quoted(key)} in ${what}`, hint);
  return meant;
}
