/** The page of a project. */
export function projectAddress(project: string): string {
  return `/production/projects/${encodeURIComponent(project)}`;
}

/** An address with what it is limited to. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const words = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return words.length === 0 ? path : `${path}?${new URLSearchParams(words)}`;
}
