import { z } from "zod";
import { UsageError } from "../failure.ts";

const jobSpec = z.object({
  type: z.string().optional(),
  refs: z.object({ base_sha: z.string().optional() }).optional(),
});

/**
 * The revision that a job of Prow changes: what `kpromo cip --use-prow-manifest-diff` compares with. Prow gives its jobs
 * the type and the base commit in JOB_TYPE and PULL_BASE_SHA, and both once more in JOB_SPEC.
 * @throws {UsageError} outside of Prow, and for jobs that no change has started, as `kpromo` does.
 */
export function revisionOfProw(environment: NodeJS.ProcessEnv): string {
  const spec = readSpec(environment.JOB_SPEC);
  const type = environment.JOB_TYPE || spec?.type;
  switch (type) {
    case "presubmit":
    case "batch": {
      const base = environment.PULL_BASE_SHA || spec?.refs?.base_sha;
      if (base) return base;
      throw new UsageError("--use-prow-manifest-diff needs PULL_BASE_SHA", outside);
    }
    case "postsubmit":
      return "HEAD^";
    case undefined:
      throw new UsageError("--use-prow-manifest-diff needs JOB_TYPE", outside);
    default:
      throw new UsageError(`unknown job type: ${type}`, "it is presubmit, batch or postsubmit");
  }
}

const outside = "Prow sets it; elsewhere, say: waybill promote TREE --base REVISION, or --changed";

function readSpec(text: string | undefined): z.infer<typeof jobSpec> | undefined {
  if (!text) return undefined;
  try {
    return jobSpec.parse(JSON.parse(text));
  } catch {
    throw new UsageError("JOB_SPEC is not what Prow writes", "it holds a JSON object with type and refs");
  }
}
