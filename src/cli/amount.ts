/** So many of something, in words: `1 error`, `2 errors`, `3 repositories`. */
export function amount(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${noun.replace(/y$/, "ie")}s`;
}
