const unitSeconds: ReadonlyMap<string, number> = new Map([
  ["h", 3600],
  ["m", 60],
  ["s", 1],
]);

/** Whole seconds of a duration as Go writes it with hours, minutes and seconds; `undefined` when it is none, or 0. */
export function readSeconds(text: string): number | undefined {
  if (!/^(?:[0-9]{1,6}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,9}s)?$/.test(text)) return undefined;
  const parts = text.matchAll(/([0-9]+)([hms])/g);
  const seconds = Array.from(parts).reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (unitSeconds.get(unit) ?? 0),
    0,
  );
  return seconds === 0 ? undefined : seconds;
}

/** Whole seconds as a duration: `4h`, `1h30m`, `90s` as `1m30s`. */
export function writeSeconds(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const parts = [
    [hours, "h"],
    [minutes, "m"],
    [seconds % 60, "s"],
  ] as const;
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count}${unit}`])).join("");
}
