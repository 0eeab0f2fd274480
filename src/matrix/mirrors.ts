/**
 * Finds the mirrors among the registries that images go to: those of one host are one mirror, by what their paths begin with, as far as
 * no project goes to two of them. So the 1,650 registries of 75 projects, each with a folder of its own at 22 mirrors, are 22.
 * @param registries Each `host/path`, with the projects that go there.
 * @returns The mirror of each registry, by name: `host`, or `host/path`.
 */
export function mirrorsOf(registries: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const split = (names: readonly string[], depth: number): void => {
    if (depth === 0 || goTwice(names, registries)) {
      const groups = new Map<string, string[]>();
      for (const name of names) {
        const segment = name.split("/")[depth] ?? "";
        const group = groups.get(segment);
        if (group === undefined) groups.set(segment, [name]);
        else group.push(name);
      }
      for (const group of groups.values()) split(group, depth + 1);
      return;
    }
    const mirror = commonPath(names);
    for (const name of names) found.set(name, mirror);
  };
  split([...registries.keys()], 0);
  return found;
}

/** Whether a project goes to two of these registries. */
function goTwice(names: readonly string[], registries: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  if (names.length === 1) return false;
  const seen = new Set<string>();
  for (const name of names) {
    for (const project of registries.get(name) ?? []) {
      if (seen.has(project)) return true;
      seen.add(project);
    }
  }
  return false;
}

function commonPath(names: readonly string[]): string {
  let common: readonly string[] | undefined;
  for (const name of names) {
    const segments = name.split("/");
    const known: readonly string[] = common ?? segments;
    const end = known.findIndex((segment, at) => segment !== segments[at]);
    common = end < 0 ? known : known.slice(0, end);
  }
  return (common ?? []).join("/");
}
