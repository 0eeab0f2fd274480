import { UsageError } from "./failure.ts";

const units: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Whether a text looks like a duration, however long. */
export function isDuration(text: string): boolean {
  return /^(0|([0-9]+(ms|s|m|h|d))+)$/.test(text);
}

/** Node's timers go no further. */
const longest = 24 * 24 * 3_600_000;

/**
 * Milliseconds of a duration such as `30s`, `2h`, `1h30m`, `7d` or `0`.
 * @param name the option that it was given with.
 * @param max milliseconds; what a timer is given has a bound.
 * @throws {UsageError}
 */
export function parseDuration(text: string, name: string, max = longest): number {
  if (text === "0") return 0;
  const parts = Array.from(text.matchAll(/([0-9]{1,9})(ms|s|m|h|d)/g));
  const milliseconds = parts.reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (units.get(unit) ?? 0),
    0,
  );
  if (parts.length > 0 && parts.map(([part]) => part).join("") === text && milliseconds <= max) {
    return milliseconds;
  }
  throw new UsageError(
    `${name} is no duration: ${JSON.stringify(text.slice(0, 40))}`,
    "such as 30s, 90m or 2h",
  );
}
