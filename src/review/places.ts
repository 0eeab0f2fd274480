import type { Place } from "../diagnostics/index.ts";
import type { ReviewFinding } from "./review.ts";

/** A place as findings have it. */
export function placed({
  file,
  line,
  column,
}: Place): Pick<ReviewFinding, "file"> & Required<Pick<ReviewFinding, "at">> {
  return { file, at: { line, column } };
}

/** The place in a text, as reports have it. */
export function placeIn(text: string): ReturnType<typeof placed> {
  const [, file = text, line = "1", column = "1"] = /^(.*):(\d+):(\d+)$/s.exec(text) ?? [];
  return placed({ file, line: Number(line), column: Number(column) });
}
