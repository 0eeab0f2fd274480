import { durationInWords } from "./duration.ts";
import { countOf } from "./words.ts";

const sizes = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** A number of bytes, in the unit in which it has few digits. */
export function bytesInWords(bytes: number): string {
  let size = bytes;
  let at = 0;
  for (; size >= 1000 && at < sizes.length - 1; at += 1) size /= 1000;
  return `${at === 0 || size >= 100 ? Math.round(size) : Number(size.toFixed(1))}\u202f${sizes[at]}`;
}

/** A number of something, as people read it. */
export function amountOf(value: number, unit: "count" | "bytes" | "milliseconds"): string {
  if (unit === "bytes") return bytesInWords(value);
  return unit === "milliseconds" ? durationInWords(value) : countOf(value);
}
