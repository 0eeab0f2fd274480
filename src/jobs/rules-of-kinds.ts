import type { Fields, ReadContext } from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import type { JobKind } from "./work.ts";

/** The keys that say what starts a job, and what to call each. */
const starts = {
  triggers: "a push",
  on: "a push",
  pullRequest: "a pull request",
  clock: "a clock",
  after: "another job",
  registry: "a registry",
} as const;

type Start = keyof typeof starts;

/** What cannot start a job of a kind, and why not. */
const refused: Readonly<Record<JobKind, readonly (readonly [keys: readonly Start[], why: string])[]>> = {
  build: [[["registry"], "a build is made of what was pushed to its repository"]],
  promote: [[["pullRequest"], "what is not merged is not promoted: a job with review judges it"]],
  review: [
    [
      ["triggers", "on", "clock", "after", "registry"],
      "a review is of a pull request: pullRequest starts it",
    ],
  ],
  verify: [[["pullRequest"], "what is not merged is in no production: a job with review judges it"]],
  snapshot: [[["pullRequest"], "a registry does not depend on what is not merged"]],
  propose: [
    [
      ["pullRequest", "clock", "registry"],
      "a build that it comes after or the push of a tag names the images",
    ],
  ],
};

/** Reports what starts a job of a kind that cannot be started by it, or lacks what has to start it. */
export function judgeKind({ known, value }: Fields, { findings }: ReadContext): void {
  for (const [kind, rules] of Object.entries(refused) as [JobKind, (typeof refused)[JobKind]][]) {
    if (!known.has(kind)) continue;
    for (const [keys, why] of rules) {
      for (const key of keys) {
        const at = known.get(key)?.key.start;
        if (at === undefined) continue;
        findings.report("invalid-value", at, `${starts[key]} cannot start a job with ${kind}: ${why}`);
      }
    }
  }
  judgeProposal(known.get("propose")?.value, (key) => known.has(key), findings);
  const own = value("name");
  const after = value("after");
  const names = after?.kind === "sequence" ? after.items : after === undefined ? [] : [after];
  for (const name of names) {
    if (name.kind === "scalar" && own?.kind === "scalar" && name.value === own.value)
      findings.report("invalid-value", name.start, "a job cannot come after itself");
  }
}

function judgeProposal(
  propose: YamlNode | undefined,
  has: (key: Start) => boolean,
  findings: ReadContext["findings"],
): void {
  const from =
    propose?.kind === "mapping" ? propose.entries.find(({ key }) => key.value === "from")?.value : undefined;
  if (from?.kind !== "scalar") return;
  if (has("after") || !["build", "release", "tag"].includes(from.value)) return;
  if (from.value === "build") {
    findings.report("missing-key", from.start, "after is missing: it names the build that made the images");
  } else if (!has("triggers") && !has("on")) {
    const message = "triggers is missing: the tag that was pushed names the version";
    findings.report("missing-key", from.start, message, "or after, a job that such a push starts");
  }
}
