import { isHost, repositoryFault } from "./reference.ts";

/**
 * What is left of a name below a prefix of whole segments: `""` when they are equal, `"c/d"` for `a/b/c/d` below
 * `a/b`, `undefined` when the prefix is none. `registry.example.com` is no prefix of `registry.example.com.evil.org/x`.
 */
export function restBelow(prefix: string, name: string): string | undefined {
  if (name === prefix) return "";
  return name.startsWith(prefix) && name[prefix.length] === "/" ? name.slice(prefix.length + 1) : undefined;
}

/** The entry with the longest prefix of the name, by whole segments, and what is left of the name below it. */
export function longestPrefix<Entry>(
  entries: Iterable<Entry>,
  prefixOf: (entry: Entry) => string,
  name: string,
): { readonly entry: Entry; readonly rest: string } | undefined {
  let best: { entry: Entry; rest: string } | undefined;
  for (const entry of entries) {
    const rest = restBelow(prefixOf(entry), name);
    if (rest !== undefined && (best === undefined || rest.length < best.rest.length)) best = { entry, rest };
  }
  return best;
}

/**
 * What is wrong with the text as a prefix of repository names (a host, or a host with a path), or `undefined`.
 * Never repeats text that could be a password.
 */
export function prefixFault(text: string): string | undefined {
  if (text.includes("@")) return "a user name, password or digest has no place in it";
  if (text.includes("://")) return `leave out ${JSON.stringify(text.slice(0, text.indexOf("://") + 3))}`;
  if (isHost(text)) return undefined;
  return repositoryFault(text);
}
