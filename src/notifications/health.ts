/** How a job stands with a rule. Times are milliseconds since 1970. */
export type Health =
  | { readonly at: "ok" }
  /** It has failed, too few times to be told. */
  | { readonly at: "failing"; readonly failures: number; readonly since: number; readonly run: string }
  /** It was told, and it is told again only when it is over. */
  | {
      readonly at: "told";
      readonly failures: number;
      readonly since: number;
      /** The first run that failed. */
      readonly run: string;
      readonly cause: string;
      readonly toldAt: number;
      /** Since when it has succeeded, once; a second time ends it. */
      readonly goodSince?: number | undefined;
    };

/** What is seen of a job, and when. */
export type Seen =
  | { readonly what: "failed"; readonly run: string; readonly cause: string; readonly at: number }
  | { readonly what: "succeeded"; readonly at: number }
  /** Nothing; time has passed. */
  | { readonly what: "time"; readonly at: number };

export interface HealthPolicy {
  /** So many runs have to fail in a row. */
  readonly failures: number;
  /** Milliseconds after which it is said again. */
  readonly remindAfter?: number | undefined;
}

/** Milliseconds after which one success is enough: a job that goes up and down is told once. */
export const recoversAfter = 15 * 60_000;

/** The next state of a job, and what is to be told because of it. */
export function nextHealth(
  health: Health,
  seen: Seen,
  { failures: needed, remindAfter }: HealthPolicy,
): { readonly health: Health; readonly tell?: "failing" | "still-failing" | "recovered" } {
  if (seen.what === "failed") {
    if (health.at === "told") {
      return { health: { ...health, failures: health.failures + 1, goodSince: undefined } };
    }
    const before = health.at === "failing" ? health : { failures: 0, since: seen.at, run: seen.run };
    const failures = before.failures + 1;
    const { since, run } = before;
    if (failures < needed) return { health: { at: "failing", failures, since, run } };
    return {
      health: { at: "told", failures, since, run, cause: seen.cause, toldAt: seen.at },
      tell: "failing",
    };
  }
  if (health.at !== "told") return { health: seen.what === "succeeded" ? { at: "ok" } : health };
  const { goodSince, toldAt } = health;
  if (seen.what === "succeeded" && goodSince === undefined) {
    return { health: { ...health, goodSince: seen.at } };
  }
  if (goodSince !== undefined) {
    const isOver = seen.what === "succeeded" || seen.at - goodSince >= recoversAfter;
    return isOver ? { health: { at: "ok" }, tell: "recovered" } : { health };
  }
  const isDue = remindAfter !== undefined && seen.at - toldAt >= remindAfter;
  return isDue ? { health: { ...health, toldAt: seen.at }, tell: "still-failing" } : { health };
}

/**
 * What of a summary is the same for all that fail for one reason: without numbers, hashes and the job's own name. Whatever has the same is
 * told together.
 */
export function causeOf(summary: string, job: string): string {
  return summary
    .replaceAll(job, "…")
    .replace(/\b(?:sha256:)?[0-9a-f]{7,}\b/g, "…")
    .replace(/\d+(?:\.\d+)*/g, "#")
    .slice(0, 300);
}
