import type { PromoterManifest } from "./model.ts";

/**
 * Where two projects may write the same production repository: anywhere below a registry that both promote to, or with an
 * image whose name begins with the path from a registry of one to a registry of the other.
 */
export interface Meeting {
  /** They promote to the same registry. */
  readonly isSure: boolean;
  /** Beginnings of image names by which the one meets the other, with a slash at their end. */
  readonly fromOne: readonly string[];
  readonly fromOther: readonly string[];
}

/** Where the registries of two projects meet. */
export function meetingOf(one: Iterable<string>, other: Iterable<string>): Meeting {
  const [ones, others] = [new Set(one), new Set(other)];
  return {
    isSure: [...ones].some((registry) => others.has(registry)),
    fromOne: pathsBelow(ones, others),
    fromOther: pathsBelow(others, ones),
  };
}

/** The registries that a project promotes to, in any of its states. */
export function registriesOf(states: readonly Pick<PromoterManifest, "destinations">[]): ReadonlySet<string> {
  return new Set(states.flatMap(({ destinations }) => destinations.map(({ name }) => name)));
}

/**
 * Whether a list of images may have a name with one of the beginnings. It is not parsed for it: a name stands in the text
 * as it is, unless the text has escapes, which nobody needs for names: then it may have any.
 */
export function mayName(text: string, beginnings: readonly string[]): boolean {
  if (beginnings.length === 0) return false;
  return text.includes("\\") || beginnings.some((beginning) => text.includes(beginning));
}

/** The paths that lead from some registries to others below them. */
function pathsBelow(registries: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  const paths = new Set<string>();
  for (const other of others) {
    for (let end = other.lastIndexOf("/"); end > 0; end = other.lastIndexOf("/", end - 1)) {
      if (registries.has(other.slice(0, end))) paths.add(`${other.slice(end + 1)}/`);
    }
  }
  return [...paths];
}
