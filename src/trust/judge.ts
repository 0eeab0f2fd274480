import { type FailureRecord, failureRecord } from "../errors/index.ts";
import { type EvidenceFile, evaluatePolicies, type Policy, policiesFor } from "../policy/index.ts";
import { evidenceOf } from "./evidence.ts";
import type { ImageTrust } from "./model.ts";

/** What judging takes: the policies, what hangs on images, and what time it is. */
export interface JudgeServices extends Pick<ImageTrust, "attachments"> {
  readonly policies: readonly Policy[];
  /** Files that policies name: reports of scanners, VEX. */
  readonly reports: readonly EvidenceFile[];
  /** What of these could not be read: it may be about any image. */
  readonly unreadReports: readonly FailureRecord[];
  readonly now: () => Date;
}

/**
 * Holds images against policies. What hangs on an image is asked for only where a policy applies to it, and what is said of it is
 * about that very digest.
 */
export function createJudge({
  policies,
  attachments,
  reports,
  unreadReports,
  now,
}: JudgeServices): Pick<ImageTrust, "applies" | "judge"> {
  return {
    applies: (image) => policiesFor(policies, image).length > 0,
    async judge(image, where = image.source) {
      const applying = policiesFor(policies, image);
      if (applying.length === 0) return [];
      try {
        const found = evidenceOf(await attachments(where, image.digest));
        const evidence = { ...found, files: reports, unread: [...found.unread, ...unreadReports] };
        return evaluatePolicies(applying, image, evidence, now());
      } catch (error) {
        const failure = failureRecord(error);
        const why = `it could not be evaluated: ${failure.message}`;
        return applying.map(({ name: policy, at, mode }) => {
          return { policy, at, mode, outcome: "unreadable", why, failure, accepted: [] };
        });
      }
    },
  };
}
