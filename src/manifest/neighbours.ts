import type { PromoterManifest } from "./model.ts";

/** A project as far as it has to be known to tell what it may write. */
export interface Project {
  readonly name: string;
  /** Its registries, in each of the states it has. */
  readonly states: readonly Pick<PromoterManifest, "destinations">[];
  /** The texts of its images, in each of these states. */
  readonly texts: readonly string[];
}

/**
 * Whether two projects may write the same production repository. Their images are not parsed for it: one registry has
 * to be the other, or to be below it by a path that begins the name of an image there. A name stands in the text as it is,
 * unless the text has escapes, which nobody needs for it: then it may be any.
 */
export function mayMeet(one: Omit<Project, "name">, other: Omit<Project, "name">): boolean {
  const [ones, others] = [one, other].map(destinationsOf);
  return isBelow(ones, others, other.texts) || isBelow(others, ones, one.texts);
}

function destinationsOf({ states }: Omit<Project, "name">): ReadonlySet<string> {
  return new Set(states.flatMap(({ destinations }) => destinations.map(({ name }) => name)));
}

/** Whether any registry is one of the others, or below one with an image whose name may lead there. */
function isBelow(
  registries: ReadonlySet<string> = new Set(),
  others: ReadonlySet<string> = new Set(),
  texts: readonly string[],
): boolean {
  const tried = new Map<string, boolean>();
  for (const registry of registries) {
    if (others.has(registry)) return true;
    for (let end = registry.lastIndexOf("/"); end > 0; end = registry.lastIndexOf("/", end - 1)) {
      if (!others.has(registry.slice(0, end))) continue;
      const path = registry.slice(end + 1);
      const found = tried.get(path) ?? texts.some((text) => text.includes(`${path}/`) || text.includes("\\"));
      if (found) return true;
      tried.set(path, found);
    }
  }
  return false;
}
