/** Whole seconds of a duration as Go writes it with hours, minutes and seconds; `undefined` when it is none, or 0. */
export function readSeconds(text: string): number | undefined {
  const [, hours = 0, minutes = 0, seconds = 0] =
    /^(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?$/.exec(text) ?? [];
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) || undefined;
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
