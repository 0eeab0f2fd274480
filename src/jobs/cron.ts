import { Cron } from "croner";
import { messageOf } from "../errors/index.ts";
import { readSeconds } from "./duration.ts";
import type { Schedule } from "./model.ts";

/** The times that a text of cron stands for. */
export type CronTimes =
  | { readonly everySeconds: number }
  | {
      /** Five fields, or six with the seconds first, or such as `@daily`. */
      readonly pattern: string;
      readonly zone: string;
    };

/**
 * Reads a text of cron as Prow does: five fields, a word such as `@daily`, `@every 1h30m`, with `TZ=Europe/Berlin` before it where the
 * zone is said there.
 * @returns a text that says what is wrong.
 */
export function readCron(text: string, zone: string | undefined): CronTimes | string {
  const [, written, pattern = ""] = /^(?:(?:CRON_)?TZ=(\S+) )?(.*)$/s.exec(text) ?? [];
  if (written !== undefined && zone !== undefined)
    return "it names a zone, and zone does as well: keep one of them";
  const every = /^@every (.*)$/.exec(pattern)?.[1];
  if (every !== undefined) {
    const everySeconds = readSeconds(every);
    return everySeconds === undefined ? "expected a duration such as 1h30m behind @every" : { everySeconds };
  }
  const where = written ?? zone ?? "UTC";
  const fault = zoneFault(where);
  if (fault !== undefined) return fault;
  // Anything else would be a date, which comes once.
  if (!/^(?:@[a-z]+|\S+(?: +\S+){4,5})$/.test(pattern)) return "expected five fields, or such as @daily";
  const times = { pattern: pattern === "@midnight" ? "@daily" : pattern, zone: where };
  try {
    return cronOf(times).nextRun() === null ? "it never comes" : times;
  } catch (error) {
    return messageOf(error).replace(/^CronPattern: /, "");
  }
}

/** What is wrong with the name of a time zone. */
export function zoneFault(zone: string): string | undefined {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return undefined;
  } catch {
    return `there is no time zone ${JSON.stringify(zone.slice(0, 80))}: expected a name such as Europe/Berlin`;
  }
}

/**
 * When a schedule with `cron` comes next after a moment. Local times that a change of the clock takes out come at the moment of the
 * change or after it; of those that it repeats, one counts.
 * @returns `undefined` for a schedule of another kind, and for `@every`: {@link secondsBetween} has those.
 */
export function nextTime({ cron, zone }: Pick<Schedule, "cron" | "zone">, after: Date): Date | undefined {
  const times = cron === undefined ? undefined : readCron(cron, zone);
  if (times === undefined || typeof times === "string" || "everySeconds" in times) return undefined;
  return cronOf(times).nextRun(after) ?? undefined;
}

/** Seconds from the start of one run to that of the next, of a schedule that has `every`, or `@every` as its `cron`. */
export function secondsBetween({
  everySeconds,
  cron,
  zone,
}: Pick<Schedule, "everySeconds" | "cron" | "zone">): number | undefined {
  if (everySeconds !== undefined || cron === undefined) return everySeconds;
  const times = readCron(cron, zone);
  return typeof times !== "string" && "everySeconds" in times ? times.everySeconds : undefined;
}

function cronOf({ pattern, zone }: { readonly pattern: string; readonly zone: string }): Cron {
  return new Cron(pattern, { timezone: zone, paused: true });
}
