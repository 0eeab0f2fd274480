/** How long runs of a job are kept, and how many: what any of the bounds excludes is removed. */
export interface RetentionRule {
  /** The job; a rule without one holds for each job that no rule before it names. */
  readonly job?: string | undefined;
  /** Since they ended. */
  readonly maxDays?: number | undefined;
  readonly maxRuns?: number | undefined;
  /** Bytes of all its runs together, those that go on among them. */
  readonly maxBytes?: number | undefined;
}

/** What of a run decides whether it is kept. */
export interface RetainedRun {
  readonly id: string;
  /** `undefined` while it goes on. */
  readonly endedAt: Date | undefined;
  readonly bytes: number;
  /** All of it is where it stays. */
  readonly isKept: boolean;
}

const day = 24 * 60 * 60 * 1000;

/** The rule for a job: the first that names it or none. */
export function ruleFor(job: string, rules: readonly RetentionRule[]): RetentionRule | undefined {
  return rules.find((rule) => rule.job === undefined || rule.job === job);
}

/**
 * Which runs of a job are removed. The newest that has ended stays, for the job's page and for who looks up how it went last; so do those
 * that go on, are not kept yet, or are held.
 * @param runs All of the job's, newest first.
 */
export function runsToRemove<Retained extends RetainedRun>(
  runs: readonly Retained[],
  rule: RetentionRule,
  { held, now }: { readonly held: ReadonlySet<string>; readonly now: Date },
): readonly Retained[] {
  const { maxDays = Infinity, maxRuns = Infinity, maxBytes = Infinity } = rule;
  const newest = runs.find(({ endedAt }) => endedAt !== undefined);
  let count = 0;
  let bytes = 0;
  return runs.filter((run) => {
    count += 1;
    bytes += run.bytes;
    if (run.endedAt === undefined || !run.isKept || run === newest || held.has(run.id)) return false;
    const age = (now.getTime() - run.endedAt.getTime()) / day;
    return age > maxDays || count > maxRuns || bytes > maxBytes;
  });
}
