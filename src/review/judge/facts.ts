import type { Place } from "../../diagnostics/index.ts";
import type { ChangedLine } from "../lines.ts";
import type { ReviewedLine, ReviewFinding } from "../review.ts";
import { nameOf, placed } from "../words.ts";

const askAgain = "review again once the registry answers";

/**
 * What the facts about one line mean for the verdict.
 * @param previousAt where the version before it is listed.
 */
export function judgeFacts(
  line: ChangedLine,
  facts: ReviewedLine["facts"],
  previousAt: Place | undefined,
): readonly ReviewFinding[] {
  if (facts === undefined) return [];
  const place = placed(line.at);
  const name = nameOf(line);
  if ("failure" in facts) {
    const { message, hint = askAgain } = facts.failure;
    const what = `it is not known what ${name} is: ${message}`;
    return [{ severity: "fails", code: "unread", message: what, hint, ...place }];
  }
  const findings: ReviewFinding[] = [];
  const { previous, attached } = facts;
  const before = previous?.tag ?? previous?.digest;
  if (previous?.failure !== undefined) {
    findings.push({
      severity: "fails",
      code: "unread",
      message: `it is not known whether ${name} has all platforms of ${before}: ${previous.failure.message}`,
      hint: previous.failure.hint ?? askAgain,
      ...place,
    });
  }
  const missing = previous?.difference?.platforms.missing ?? [];
  if (previous !== undefined && missing.length > 0) {
    findings.push({
      severity: "fails",
      code: "platform-missing",
      message: `${name} lacks ${missing.join(", ")}, which ${before} has`,
      hint: "build it for all platforms; whoever pulls it there gets nothing otherwise",
      ...place,
      related: previousAt && [{ ...placed(previousAt), message: "the version before it" }],
    });
  }
  if (attached.failure !== undefined) {
    findings.push({
      severity: "mentions",
      code: "unread",
      message: `it is not known all that is attached to ${name}: ${attached.failure.message}`,
      ...place,
    });
  }
  return findings;
}
