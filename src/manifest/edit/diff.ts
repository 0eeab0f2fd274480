import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";

/**
 * The difference of two versions of a file as a unified diff that `git apply` and `patch -p1` take; empty when there
 * is none. Where a file has no final newline, its last line shows as changed although all its bytes stay.
 */
export function unifiedDiff(file: string, before: string, after: string): string {
  if (before === after) return "";
  const name = file.replace(/^(?:\.?\/)+/, "");
  return createTwoFilesPatch(`a/${name}`, `b/${name}`, before, after, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
}
