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
