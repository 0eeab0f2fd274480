import { RE2JS } from "re2js";
import type { ListedJobDocument } from "../server/index.ts";

const colors = { passing: "#2e7d32", failing: "#b3261e", unknown: "#5f6368" } as const;
/** Names of jobs that a badge says before it leaves out the rest. */
const maxNames = 3;
const maxPatterns = 50;

/**
 * What a badge says of jobs, as Prow's does: only a failure counts, and an aborted run says nothing, nor does one that goes on. A job
 * that has failed is failing until it has succeeded.
 */
export function badgeOf(jobs: readonly ListedJobDocument[], patterns: string): string {
  const tests = patterns
    .split(",")
    .slice(0, maxPatterns)
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== "")
    .map(globOf);
  const chosen = jobs.filter(({ job }) => tests.some((test) => test(job.name)));
  const ended = chosen.filter(
    ({ lastFailure, lastSuccess }) => lastFailure !== undefined || lastSuccess !== undefined,
  );
  const failing = ended.filter(isFailing).map(({ job }) => job.name);
  if (ended.length === 0) return drawn("no results", colors.unknown);
  if (failing.length === 0) return drawn("passing", colors.passing);
  const names = failing.length > maxNames ? [...failing.slice(0, maxNames), "..."] : failing;
  return drawn(`failing ${names.join(", ")}`, colors.failing);
}

function isFailing({ lastFailure, lastSuccess }: ListedJobDocument): boolean {
  return lastFailure !== undefined && BigInt(lastFailure.id) > BigInt(lastSuccess?.id ?? 0);
}

/** A pattern in which `*` is any text; it is looked for in linear time, whatever stands in it. */
function globOf(pattern: string): (name: string) => boolean {
  const expression = RE2JS.compile(pattern.split("*").map(RE2JS.quote).join(".*"));
  return (name) => expression.matches(name);
}

/** A badge with `build` on its left. Widths are those of 11 px letters, which are near enough the same everywhere. */
function drawn(words: string, color: string): string {
  const [left, right] = [38, 10 + [...words].length * 6.6];
  const width = Math.ceil(left + right);
  const text = words.replace(/[<>&"']/g, (sign) => `&#${sign.codePointAt(0)};`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" role="img" aria-label="build: ${text}">
<title>build: ${text}</title>
<rect width="${width}" height="20" rx="3" fill="#444"/>
<path d="M${left} 0h${width - left - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-${width - left - 3}z" fill="${color}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="${left / 2}" y="14">build</text><text x="${left + (width - left) / 2}" y="14">${text}</text>
</g>
</svg>
`;
}
