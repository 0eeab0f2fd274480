/** A place in a file. */
export interface Place {
  readonly file: string;
  readonly at: { readonly line: number; readonly column: number };
}

/** The place in a text `file:line:column`, as edges have it. */
export function placeIn(text: string): Place {
  const [, file = text, line = "1", column = "1"] = /^(.*):(\d+):(\d+)$/s.exec(text) ?? [];
  return { file, at: { line: Number(line), column: Number(column) } };
}

/** A place as a text, as edges have it. */
export function placeText({ file, at }: { readonly file: string; readonly at?: Place["at"] }): string {
  return at === undefined ? file : `${file}:${at.line}:${at.column}`;
}

/** The order of files, lines and columns; what is about a whole file comes first. */
export function comparePlaces(
  one: { readonly file: string; readonly at?: Place["at"] },
  other: { readonly file: string; readonly at?: Place["at"] },
): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return (one.at?.line ?? 0) - (other.at?.line ?? 0) || (one.at?.column ?? 0) - (other.at?.column ?? 0);
}
