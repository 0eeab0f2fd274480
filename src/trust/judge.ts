import { type FailureRecord, failureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import {
  askForPlatform,
  type EvidenceFile,
  evaluatePolicies,
  type Policy,
  policiesFor,
} from "../policy/index.ts";
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
  /**
   * `os/architecture[/variant]` of an image that is no index; `undefined` for anything else. Asked only where a policy demands
   * platforms.
   * @throws {RegistryError}
   */
  platformOf(repository: RepositoryName, digest: Digest): Promise<string | undefined>;
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
  platformOf,
}: JudgeServices): Pick<ImageTrust, "applies" | "judge"> {
  return {
    applies: (image) => policiesFor(policies, image).length > 0,
    async judge(image, where = image.source) {
      const applying = policiesFor(policies, image);
      if (applying.length === 0) return [];
      try {
        const found = evidenceOf(await attachments(where, image.digest));
        const isSingle = found.platforms.length === 0 && found.unread.length === 0;
        const own =
          isSingle && askForPlatform(applying)
            ? await platformIn(() => platformOf(where, image.digest))
            : { unread: [] };
        const evidence = {
          ...found,
          platform: own.platform,
          files: reports,
          unread: [...found.unread, ...own.unread, ...unreadReports],
        };
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

/** The platform, or why it is not known. */
async function platformIn(
  read: () => Promise<string | undefined>,
): Promise<{ readonly platform?: string | undefined; readonly unread: readonly FailureRecord[] }> {
  try {
    return { platform: await read(), unread: [] };
  } catch (error) {
    return { unread: [failureRecord(error)] };
  }
}
