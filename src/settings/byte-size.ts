const units: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["kB", 1e3],
  ["KB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
]);

/** Bytes of a size such as `16MiB`, `500 KB` or `1048576`; `undefined` for other texts. */
export function readByteSize(text: string): number | undefined {
  const [, digits, unit] = /^([0-9]{1,15}) ?([A-Za-z]{0,3})$/.exec(text) ?? [];
  const factor = units.get(unit ?? "");
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}

/** Bytes as such a text. */
export function formatSize(bytes: number): string {
  const unit = bytes >= 2 ** 30 ? "GiB" : bytes >= 2 ** 20 ? "MiB" : "KiB";
  return `${bytes / (units.get(unit) ?? 1)}${unit}`;
}
