/** A place in a text, both counted from 1; the column counts UTF-16 code units, as editors and SARIF do. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** A place in a file, both counted as in {@link TextPosition}. */
export interface Place extends TextPosition {
  readonly file: string;
}

/** A place as far as it is known: a file as a whole, one of its lines, or a place in it. */
export type RoughPlace = { readonly file: string } & Partial<TextPosition>;

/** A position in a text, as a place of the file that the text is in. */
export function placeIn(file: string, { line, column }: TextPosition): Place {
  return { file, line, column };
}

/** A place in the form of compilers, `file:line:column`, so that editors jump to it. */
export function formatPlace({ file, line, column }: RoughPlace): string {
  if (line === undefined) return file;
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

/** The order of files, lines and columns; what is about a whole file comes first. */
export function comparePlaces(one: RoughPlace, other: RoughPlace): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0);
}
