import { type Plan, plannedTravels } from "../promotion/index.ts";
import type { ChangedLine } from "./lines.ts";

/**
 * What would travel with the image of each line to any of its destinations, in words, each once with how often it hangs there.
 * What cannot be read is a finding, and not among it.
 */
export function travelsByLine(plan: Plan): (line: ChangedLine) => readonly string[] {
  const byImage = new Map<string, Map<string, string>>();
  for (const { image, source, destinations, companions } of plannedTravels(plan)) {
    for (const destination of destinations) {
      const key = `${source}@${image} ${destination}`;
      const known = byImage.get(key) ?? new Map<string, string>();
      byImage.set(key, known);
      for (const { verdict, digest, subject, layer = "", says = "artifact" } of companions) {
        if (verdict === "attach") known.set(`${digest} ${subject} ${layer}`, says);
      }
    }
  }
  return ({ source, digest, destinations }) => {
    const all = new Map<string, string>();
    for (const destination of destinations) {
      for (const [key, says] of byImage.get(`${source}@${digest} ${destination}`) ?? []) all.set(key, says);
    }
    const counts = new Map<string, number>();
    for (const says of all.values()) counts.set(says, (counts.get(says) ?? 0) + 1);
    return [...counts].sort().map(([says, count]) => (count === 1 ? says : `${count} × ${says}`));
  };
}

/** So many kinds of what travels are named in a line. */
const maxNamed = 8;

/** What travels with one image, in one line; empty when there is nothing. */
export function travelsInWords(travels: readonly string[] = []): string {
  const more = travels.length - maxNamed;
  return [...travels.slice(0, maxNamed), ...(more > 0 ? [`${more} more`] : [])].join("; ");
}
