import * as z from "zod/mini";
import { type FailureRecord, harmless } from "../../errors/index.ts";
import { type Digest, isDigest } from "../../oci/index.ts";
import type { BuildStatus, StepOutcome } from "../model.ts";

const text = z.string().check(z.maxLength(10_000));

/** What is used of a `Build` (https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds). */
export const buildSchema = z.object({
  id: z.string().check(z.regex(/^[\w-]{1,64}$/)),
  status: z.optional(text),
  statusDetail: z.optional(text),
  logUrl: z.optional(text),
  logsBucket: z.optional(text),
  failureInfo: z.optional(z.object({ type: z.optional(text), detail: z.optional(text) })),
  steps: z.optional(
    z
      .array(
        z.object({
          name: z.optional(text),
          status: z.optional(text),
          exitCode: z.optional(z.int()),
          allowFailure: z.optional(z.boolean()),
          allowExitCodes: z.optional(z.array(z.number())),
          timing: z.optional(z.object({ startTime: z.optional(text), endTime: z.optional(text) })),
        }),
      )
      .check(z.maxLength(1000)),
  ),
  results: z.optional(
    z.object({
      images: z.optional(
        z.array(z.object({ name: z.optional(text), digest: z.optional(text) })).check(z.maxLength(1000)),
      ),
      buildStepImages: z.optional(z.array(text).check(z.maxLength(1000))),
    }),
  ),
});

export type GoogleBuild = z.infer<typeof buildSchema>;

const ends: Readonly<Record<string, BuildStatus>> = {
  SUCCESS: "success",
  FAILURE: "failure",
  INTERNAL_ERROR: "failure",
  TIMEOUT: "timeout",
  EXPIRED: "timeout",
  CANCELLED: "cancelled",
};

/** How a build ended; `undefined` while it has not. */
export function endOf({ status }: GoogleBuild): BuildStatus | undefined {
  return status !== undefined && Object.hasOwn(ends, status) ? ends[status] : undefined;
}

/** How the steps of a build that is over have ended. */
export function stepsOf(build: GoogleBuild): StepOutcome[] {
  return (build.steps ?? []).map((step, index) => {
    const { startTime, endTime } = step.timing ?? {};
    const milliseconds = startTime && endTime ? Date.parse(endTime) - Date.parse(startTime) : Number.NaN;
    const digest = build.results?.buildStepImages?.[index] ?? "";
    return {
      index,
      status: stepStatus(step),
      exitCode: step.exitCode,
      startedAt: startTime,
      milliseconds: Number.isNaN(milliseconds) ? undefined : milliseconds,
      image: isDigest(digest) && step.name !== undefined ? { name: step.name, digest } : undefined,
    };
  });
}

function stepStatus(step: NonNullable<GoogleBuild["steps"]>[number]): StepOutcome["status"] {
  switch (step.status) {
    case "SUCCESS":
      return "success";
    case "FAILURE":
    case "INTERNAL_ERROR": {
      const codes = step.allowExitCodes ?? [];
      const isAllowed = codes.length > 0 ? codes.includes(step.exitCode ?? 0) : step.allowFailure === true;
      return isAllowed ? "allowed-failure" : "failure";
    }
    case "TIMEOUT":
    case "EXPIRED":
      return "timeout";
    // A step that was at work when the build came to its end.
    case "WORKING":
    case "CANCELLED":
      return "cancelled";
    default:
      return "not-started";
  }
}

/** What Cloud Build pushed itself. */
export function imagesOf({ results }: GoogleBuild): { readonly name: string; readonly digest: Digest }[] {
  return (results?.images ?? []).flatMap(({ name, digest }) =>
    name !== undefined && digest !== undefined && isDigest(digest) ? [{ name, digest }] : [],
  );
}

/** Why a build did not succeed, in Cloud Build's words. */
export function failureOf(build: GoogleBuild): FailureRecord {
  const why = build.failureInfo?.detail ?? build.statusDetail ?? "it gave no reason";
  return {
    code: "cloud-build-failed",
    message: `Cloud Build says ${build.status}: ${harmless(why)}`,
    where: build.id,
    ...(build.logUrl && { hint: `see ${harmless(build.logUrl)}` }),
  };
}
