import { type SarifLog, toSarif } from "../diagnostics/index.ts";
import { diagnosticCodes } from "../manifest/index.ts";
import type { Review } from "./review.ts";

/** What a finding of its own kind is: the severity it has as a rule, and one line for lists of rules. */
const ownCodes = {
  blocked: { severity: "error", summary: "Promotion could not do what the change asks for." },
  lost: { severity: "error", summary: "A digest that the change asks for is not in staging." },
  conflict: { severity: "error", summary: "Production holds the tag with another digest: tags never move." },
  "tag-moved": { severity: "error", summary: "A tag is asked for at another digest than before." },
  removed: { severity: "error", summary: "A line is not asked for any more: production keeps the image." },
  "destination-removed": { severity: "error", summary: "A project does not promote to a registry any more." },
  "project-removed": { severity: "error", summary: "A project is not promoted any more." },
  "no-push-rights": { severity: "error", summary: "A new destination does not let us push." },
  "push-rights-unknown": {
    severity: "warning",
    summary: "Nobody can tell, without writing, whether a new destination lets us push.",
  },
  "platform-missing": {
    severity: "error",
    summary: "An image lacks a platform that the version before it has.",
  },
  unread: {
    severity: "error",
    summary: "A registry could not be read: it is not known, which is not absent.",
  },
  "policy-changed": { severity: "warning", summary: "Other policies apply than before." },
  "policy-missing": { severity: "error", summary: "What a policy demands of an image is not there." },
  "policy-failed": {
    severity: "error",
    summary: "What a policy demands of an image is there, and is not true or not allowed.",
  },
  "policy-unreadable": {
    severity: "error",
    summary: "What vouches for an image could not be read: whether a policy is satisfied is not known.",
  },
  "policy-warning": { severity: "warning", summary: "A policy that only warns is not satisfied." },
  "policy-excepted": { severity: "warning", summary: "An image is promoted by an exception to a policy." },
  "policy-not-evaluated": {
    severity: "warning",
    summary: "Policies apply, and no registry was asked what vouches for the images.",
  },
  "source-changed": { severity: "warning", summary: "Images are promoted from another staging registry." },
  "not-looked-at": { severity: "warning", summary: "There is more than a review looks at." },
  "same-digest": { severity: "warning", summary: "One digest is listed under two image names." },
  "destinations-differ": {
    severity: "warning",
    summary: "A project does not promote to the registries that most others do.",
  },
} as const;

/** Every code that a finding of a review can have: its own, and those of findings about manifests. */
export const reviewCodes = { ...diagnosticCodes, ...ownCodes } as const;

/** A code of {@link reviewCodes}. */
export type ReviewCode = keyof typeof reviewCodes;

/**
 * The findings of a review as SARIF 2.1.0, which code hosts show at the lines of a pull request: what fails as errors,
 * the rest as warnings. Lines that are not there any more have no place in it but their file.
 * @param root folder that locations are relative to, as a rule the top of the checkout.
 */
export function reviewToSarif({ findings }: Review, root: string = process.cwd()): SarifLog {
  const diagnostics = findings.map(({ severity, gone, at, destinations, isOld, ...found }) => ({
    ...found,
    severity: severity === "fails" ? ("error" as const) : ("warning" as const),
    ...(at === undefined || gone === true ? {} : { at }),
  }));
  return toSarif(diagnostics, reviewCodes, root);
}
