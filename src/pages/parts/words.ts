/** A number in groups of three digits. */
export function countOf(number: number): string {
  return number.toLocaleString("en-US").replace(/,/g, "\u202f");
}
