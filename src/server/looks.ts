import { type Job, nextTime, secondsBetween } from "../jobs/index.ts";
import type { ProductionTree } from "../production/index.ts";

/** Where no clock has anybody look, a day without a look is long. */
const usualInterval = 24 * 3_600_000;
/** A run takes its time: what was found last is old when the clock has come round, and half of its round once more. */
const patience = 1.5;

/** How long what was found of a tree stands for how it is. */
export interface LookInterval {
  /** Milliseconds between two looks. */
  readonly milliseconds: number;
  /** The job whose clock has somebody look; `undefined` where there is none. */
  readonly job: string | undefined;
  /** Milliseconds after which what was found is old. */
  readonly patience: number;
}

/** When what was found of a tree is old: by the clocks of the jobs that look at it, the quickest of them. */
export function lookInterval(
  { repo, path, lookedAt }: Pick<ProductionTree, "repo" | "path" | "lookedAt">,
  jobs: readonly Job[],
): LookInterval {
  const from = lookedAt ?? new Date(0);
  let shortest: { readonly milliseconds: number; readonly job: string | undefined } | undefined;
  for (const job of jobs) {
    const looks = job.repo === repo && manifestsOf(job) === path;
    const milliseconds = looks ? intervalOf(job, from) : undefined;
    if (milliseconds === undefined || milliseconds >= (shortest?.milliseconds ?? Number.POSITIVE_INFINITY))
      continue;
    shortest = { milliseconds, job: job.name };
  }
  const interval = shortest ?? { milliseconds: usualInterval, job: undefined };
  return { ...interval, patience: interval.milliseconds * patience };
}

function manifestsOf({ work }: Job): string | undefined {
  if (work.kind === "promote") return work.promote.manifests;
  return work.kind === "verify" ? work.verify.manifests : undefined;
}

function intervalOf({ clock }: Job, from: Date): number | undefined {
  if (clock === undefined) return undefined;
  const seconds = clock.everySeconds ?? clock.afterEndSeconds ?? secondsBetween(clock);
  if (seconds !== undefined) return seconds * 1000;
  const next = nextTime(clock, from);
  const second = next && nextTime(clock, next);
  return next && second && second.getTime() - next.getTime();
}
