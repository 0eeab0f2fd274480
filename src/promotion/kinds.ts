import { imageSection } from "./images.ts";
import { referrerSection } from "./referrers/section.ts";
import type { SectionKind } from "./section.ts";
import { signatureSection } from "./signatures/signatures.ts";

/** The kinds that a run knows of, in the order of their sections. */
export interface SectionKinds extends Iterable<SectionKind> {
  /** @throws {TypeError} for a kind that nobody knows. */
  of(kind: string): SectionKind;
  has(kind: string): boolean;
}

/** Puts kinds together. */
export function sectionKinds(...kinds: readonly SectionKind[]): SectionKinds {
  const byName = new Map(kinds.map((each) => [each.kind, each]));
  return {
    [Symbol.iterator]: () => byName.values(),
    has: (kind) => byName.has(kind),
    of(kind) {
      const found = byName.get(kind);
      if (found === undefined) throw new TypeError(`no section is of the kind ${kind}`);
      return found;
    },
  };
}

/** All that is promoted. Whatever is given other kinds knows no more than those. */
export const allKinds = sectionKinds(imageSection, referrerSection, signatureSection);
