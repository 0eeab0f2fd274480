import * as z from "zod/mini";
import { type Job, jobOfDocument } from "../jobs/index.ts";
import type { TakenRun } from "../queue/index.ts";
import { WorkError } from "./errors.ts";

/** What a run was asked for with. */
export interface RunInput {
  /** As its file had it when the run was asked for. */
  readonly job: Job;
  /** The run that it comes after. */
  readonly after?: { readonly job: string; readonly id: string } | undefined;
}

/** What triggers and people ask with. The job is read as its file is. */
const inputSchema = z.object({
  job: z.unknown(),
  after: z.optional(z.object({ job: z.string(), id: z.string() })),
});

/** @throws {WorkError} `invalid-input`. */
export function inputOf({ id, job, kind, input }: Pick<TakenRun, "id" | "job" | "kind" | "input">): RunInput {
  const invalid = (cause?: unknown): WorkError =>
    new WorkError("invalid-input", "what the run was asked for with is no job of its kind", {
      where: `${job}/${id}`,
      hint: "a server of another version may have asked for it: run the job again",
      cause,
    });
  const parsed = inputSchema.safeParse(input);
  if (!parsed.success) throw invalid();
  try {
    const found = jobOfDocument(parsed.data.job);
    if (found.work.kind === kind) return { job: found, after: parsed.data.after };
  } catch (error) {
    throw invalid(error);
  }
  throw invalid();
}
