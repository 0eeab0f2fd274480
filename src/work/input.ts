import * as z from "zod/mini";
import type { Job } from "../jobs/index.ts";
import type { TakenRun } from "../queue/index.ts";
import { WorkError } from "./errors.ts";

/** What a run was asked for with. */
export interface RunInput {
  /** As its file had it when the run was asked for. */
  readonly job: Job;
  /** The run that it comes after. */
  readonly after?: { readonly job: string; readonly id: string } | undefined;
}

const kinds = ["build", "promote", "review", "verify", "snapshot", "propose"] as const;

/** What only triggers write was checked when the job's file was read: here it is told from what something else has put there. */
const inputSchema = z.object({
  job: z.looseObject({
    name: z.string(),
    repo: z.string(),
    work: z.looseObject({ kind: z.enum(kinds) }),
  }),
  after: z.optional(z.object({ job: z.string(), id: z.string() })),
});

/** @throws {WorkError} `invalid-input`. */
export function inputOf({ id, job, kind, input }: Pick<TakenRun, "id" | "job" | "kind" | "input">): RunInput {
  const parsed = inputSchema.safeParse(input);
  const found = parsed.data?.job;
  const isWhole = found !== undefined && isObject(found.work[found.work.kind]);
  if (parsed.data === undefined || !isWhole || found.work.kind !== kind) {
    throw new WorkError("invalid-input", "what the run was asked for with is no job of its kind", {
      where: `${job}/${id}`,
      hint: "a server of another version may have asked for it: run the job again",
    });
  }
  return { job: found as unknown as Job, after: parsed.data.after };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
