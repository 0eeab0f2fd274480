/** Of more names than may have a label of their own, all further ones. */
const others = "other";

/**
 * Names as values of a label: the first so many, and `other` for all that come later, so that no number of names makes a label grow
 * without end.
 */
export function cappedNames(limit: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= limit) return others;
    known.add(name);
    return name;
  };
}
