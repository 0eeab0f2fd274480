import { distance } from "fastest-levenshtein";
import type { YamlMapping, YamlNode, YamlScalar } from "../yaml/index.ts";
import type { Findings } from "./findings.ts";
import { printable } from "./printable.ts";

/** The fields of one mapping of a promoter manifest. */
export interface Fields {
  /** Values of the known keys that are there; of a key that stands twice, the first. */
  readonly values: ReadonlyMap<string, YamlNode>;
  /** The known keys that are there, where they stand first. */
  readonly keys: ReadonlyMap<string, YamlScalar>;
  /** Known keys that stand twice. */
  readonly repeated: ReadonlySet<string>;
  /** Known keys that some unknown key is likely to be meant for. */
  readonly misspelt: ReadonlySet<string>;
  /** Whether every key is known and stands once. */
  readonly clean: boolean;
}

/** What to say about keys that are unknown, but not by a slip of the pen. */
export type Advice = (key: string) => string | undefined;

/**
 * Reads a mapping whose keys are known, and reports the unknown and the repeated ones: the old tools refuse both.
 * @param what the mapping is, with its article, as in "an image".
 */
export function readFields(
  mapping: YamlMapping,
  known: readonly string[],
  what: string,
  findings: Findings,
  advice: Advice = () => undefined,
): Fields {
  const values = new Map<string, YamlNode>();
  const keys = new Map<string, YamlScalar>();
  const repeated = new Set<string>();
  const misspelt = new Set<string>();
  const absent = known.filter((word) => !mapping.entries.some(({ key }) => key.value === word));
  let clean = true;
  for (const { key, value } of mapping.entries) {
    const first = keys.get(key.value);
    if (known.includes(key.value) && first === undefined) {
      keys.set(key.value, key);
      values.set(key.value, value);
      continue;
    }
    clean = false;
    if (first !== undefined) {
      repeated.add(key.value);
      findings.report("duplicate-key", key.start, `the key ${key.value} stands twice`, {
        hint: "keep one of them",
        related: findings.related(first.start, "here it stands first"),
      });
      continue;
    }
    const advised = advice(key.value);
    const meant =
      advised === undefined ? (nearest(key.value, absent) ?? nearest(key.value, known)) : undefined;
    if (meant !== undefined) misspelt.add(meant);
    findings.report(
      "unknown-key",
      key.start,
      `unknown key ${JSON.stringify(printable(key.value))} in ${what}`,
      {
        hint: advised ?? (meant === undefined ? `${what} has ${listed(known)}` : `did you mean ${meant}?`),
      },
    );
  }
  return { values, keys, repeated, misspelt, clean };
}

/** The known word a text is likely to be meant for: case apart, at most two letters off. */
function nearest(text: string, known: readonly string[]): string | undefined {
  let best: { word: string; off: number } | undefined;
  for (const word of known) {
    const off = distance(text.slice(0, 40).toLowerCase(), word.toLowerCase());
    if (off <= 2 && off < word.length && (best === undefined || off < best.off)) best = { word, off };
  }
  return best?.word;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
