import { type SarifLog, toSarif } from "../diagnostics/index.ts";
import type { Review } from "./review.ts";
import { reviewCodes } from "./review-codes.ts";

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
