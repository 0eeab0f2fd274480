import { closest, distance } from "fastest-levenshtein";

/** The branch or tag that was most likely meant: of a remote (`origin/main` for `main`), or a slip of the pen away. */
export function nearestRevision(name: string, refs: readonly string[]): string | undefined {
  const known = refs.filter((ref) => ref !== "");
  const remote = known.find((ref) => name !== "" && ref.endsWith(`/${name}`));
  if (remote !== undefined || known.length === 0) return remote;
  const nearest = closest(name, known);
  const slips = Math.max(Math.min(2, name.length - 2), Math.floor(name.length / 4));
  return distance(name, nearest) <= slips ? nearest : undefined;
}
