import type { Job } from "./model.ts";

/** A job that only a clock starts: no push stands behind its runs, as long as nobody runs it by hand for one. */
export function isPeriodic({ on, clock }: Pick<Job, "on" | "clock">): boolean {
  return on === undefined && clock !== undefined;
}

/**
 * Variables that a run is given by whoever starts it, by Prow as well as by us: a job does not set them. Those about what was
 * pushed a periodic is not given, so it may.
 */
export function isVariableOfProw(name: string, job: "any" | "periodic" = "any"): boolean {
  const ofRun = /^(?:CI|JOB_(?:NAME|TYPE|SPEC)|BUILD_(?:ID|NUMBER)|PROW_JOB_ID|ARTIFACTS)$/;
  const ofPush = /^(?:REPO_(?:OWNER|NAME)|PULL_[A-Z_]+)$/;
  return ofRun.test(name) || (job === "any" && ofPush.test(name));
}
