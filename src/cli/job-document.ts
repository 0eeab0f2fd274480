import type { Job } from "../jobs/index.ts";

/** A job with what it does under the key of its kind, as this format has it. */
export function flattened({ work, ...job }: Job): object {
  const { kind: _, ...does } = work;
  return { ...job, ...does };
}
