import { dirname, join } from "node:path";
import { formatPlace, placeIn } from "../../diagnostics/index.ts";
import { type ManifestTree, policyMeaning } from "../../manifest/index.ts";
import { type ImageJudgement, isHeldBack, type Plan, plannedImages } from "../../promotion/index.ts";
import type { ImageTrust } from "../../trust/index.ts";
import type { ChangedLine, ChangedLines } from "../lines.ts";
import type { ReviewFinding } from "../review.ts";
import { countOf, nameOf, placed } from "../words.ts";

/**
 * What policies say that stops nothing and is worth knowing: warnings, and exceptions that are not over, one finding for each
 * image and policy. What holds an image back fails with the plan.
 */
export function judgePolicies(plan: Plan, { lineOf }: ChangedLines): readonly ReviewFinding[] {
  const found = new Map<string, ReviewFinding>();
  for (const { destination, images } of plannedImages(plan)) {
    for (const { digest, edges, policies = [] } of images) {
      const [edge] = edges;
      for (const judgement of edge === undefined ? [] : policies.filter(isWorthSaying)) {
        const { policy, at, outcome, why, hint } = judgement;
        const line = edge && lineOf(destination, digest, edge.tag);
        const key = [digest, line?.image, policy, formatPlace(at), outcome, why].join("\n");
        if (found.has(key) || edge === undefined) continue;
        const name = nameOf({ image: line?.image ?? destination, tag: edge.tag, digest });
        found.set(key, {
          severity: "mentions",
          code: outcome === "excepted" ? "policy-excepted" : "policy-warning",
          message:
            outcome === "excepted"
              ? `${name} is promoted by an exception to the policy ${policy}: ${why}`
              : `${name} does not satisfy the policy ${policy}, which only warns: ${why}`,
          hint,
          ...placed(edge.at),
          related: [{ ...placed(at), message: "the policy" }],
        });
      }
    }
  }
  return [...found.values()];
}

function isWorthSaying(judgement: ImageJudgement): boolean {
  return judgement.outcome !== "satisfied" && !isHeldBack(judgement);
}

/** What policies say of the image of each line; nothing of those that none applies to, or that there is nothing to do about. */
export function judgementsByLine(plan: Plan): (line: ChangedLine) => readonly ImageJudgement[] {
  const byImage = new Map<string, readonly ImageJudgement[]>();
  for (const { destination, images } of plannedImages(plan)) {
    for (const { digest, policies } of images) {
      if (policies !== undefined) byImage.set(`${destination} ${digest}`, policies);
    }
  }
  return ({ destinations, digest }) => {
    const all = destinations.flatMap((destination) => byImage.get(`${destination} ${digest}`) ?? []);
    const keyOf = ({ policy, at, outcome, why }: ImageJudgement) =>
      [policy, formatPlace(at), outcome, why].join();
    return [...new Map(all.map((judgement) => [keyOf(judgement), judgement])).values()];
  };
}

/** That policies apply to what is changed, and that nobody has asked what vouches for it: an offline review. */
export function judgeUnasked(
  lines: readonly ChangedLine[],
  trust: Pick<ImageTrust, "applies">,
): readonly ReviewFinding[] {
  const governed = lines.filter(
    ({ kind, digest, source, destinations, project }) =>
      kind !== "removed" && trust.applies({ digest, source, destinations, project }),
  );
  const [first] = governed;
  if (first === undefined) return [];
  return [
    {
      severity: "mentions",
      code: "policy-not-evaluated",
      message: `policies apply to ${countOf(governed.length, "changed line")}, and no registry was asked what vouches for the images: whether they are satisfied is not known`,
      hint: "review without --offline; plan and promote evaluate them in any case",
      ...placed(first.at),
    },
  ];
}

/** That the policies beside the manifests, or those of the repository that the settings name, are other ones, or that a file is which they name. */
export function judgePolicyFile(before: ManifestTree, after: ManifestTree): readonly ReviewFinding[] {
  const now = new Set(policyFiles(after));
  return changedPolicyFiles(before, after).map((file): ReviewFinding => {
    const isGone = !now.has(file);
    const states = [before, after];
    const isBeside = states.some(({ policyFile }) => policyFile?.file === file);
    const isPolicy = isBeside || states.some((state) => namedIn(state)?.file === file);
    const what = isBeside
      ? "the policies beside the manifests"
      : isPolicy
        ? "the policies that the settings name"
        : "what a policy takes the word of";
    const change = isGone ? "taken away" : isPolicy ? "other ones" : "another file";
    return {
      severity: "mentions",
      code: "policy-changed",
      message: `${what} ${isPolicy ? "are" : "is"} ${change}`,
      hint: isPolicy
        ? "whoever weakens one decides what is promoted without what it demands"
        : "a report or a VEX statement needs no signature here: whoever changes it says what is harmless",
      ...placed(placeIn(file, { line: 1, column: 1 })),
      ...(isGone ? { gone: true as const } : {}),
    };
  });
}

/**
 * Whether the head demands anything else than the base, or takes other words for it. What only the head demands does not count: its
 * own policies say so.
 */
export function arePoliciesOther(before: ManifestTree, after: ManifestTree): boolean {
  const meaningOf = ({ source, provenance }: ManifestTree["manifests"][number]): string =>
    `${source.name} ${policyMeaning(provenance)}`;
  const now = new Set(after.manifests.map(meaningOf));
  return (
    changedPolicyFiles(before, after).length > 0 ||
    before.manifests.some((manifest) => manifest.provenance !== undefined && !now.has(meaningOf(manifest)))
  );
}

/**
 * Judges images by the policies of the base as well: a change does not decide by what it is judged. What both say is told once.
 */
export function withBase(head: ImageTrust, base: Pick<ImageTrust, "applies" | "judge">): ImageTrust {
  return {
    ...head,
    applies: (image) => head.applies(image) || base.applies(image),
    async judge(image, where) {
      const [now, then] = await Promise.all([head.judge(image, where), base.judge(image, where)]);
      const keyOf = ({ policy, mode, outcome }: ImageJudgement): string => [policy, mode, outcome].join("\n");
      const said = new Set(now.map(keyOf));
      const more = then.filter((verdict) => !said.has(keyOf(verdict)));
      return [
        ...now,
        ...more.map((verdict) => ({
          ...verdict,
          why: `as the base has it: ${verdict.why}`,
          ...(verdict.hint === undefined
            ? {}
            : { hint: `${verdict.hint}; what loosens a policy is merged before what needs it` }),
        })),
      ];
    },
  };
}

function namedIn({ namedPolicy }: ManifestTree): ManifestTree["policyFile"] {
  return namedPolicy === "none" ? undefined : namedPolicy;
}

/** The files of policies, and those that they name, as far as any was there. */
function policyFiles(tree: ManifestTree): readonly string[] {
  return [tree.policyFile, namedIn(tree)].flatMap((policies) =>
    policies === undefined ? [] : filesOf(policies),
  );
}

function filesOf({ file, reports, unread }: NonNullable<ManifestTree["policyFile"]>): readonly string[] {
  const folder = dirname(file);
  return [
    file,
    ...reports.map(({ name }) => join(folder, name)),
    ...unread.flatMap(({ where }) => where ?? []),
  ];
}

function changedPolicyFiles(before: ManifestTree, after: ManifestTree): readonly string[] {
  const files = new Set([...policyFiles(after), ...policyFiles(before)]);
  return [...files].filter((file) => before.texts?.[file] !== after.texts?.[file]).sort();
}
