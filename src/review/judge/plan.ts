import { firstOf, formatPlace, type Place } from "../../diagnostics/index.ts";
import { problemOf } from "../../errors/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import {
  imageKind,
  isProblem,
  type Plan,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepository,
  plannedImages,
  type ReportedEdge,
  refusalInWords,
} from "../../promotion/index.ts";
import type { ChangedLine, ChangedLines } from "../lines.ts";
import type { ReviewFinding } from "../review.ts";
import type { ReviewCode } from "../review-codes.ts";
import { nameOf, placed } from "../words.ts";

/** What is known of an image that stands where another one is wanted, or of one that is not where it should be. */
export interface Comments {
  /** In words, what an image is; `undefined` where nobody knows. */
  describe(image: string, digest: string): string | undefined;
  staged(line: ChangedLine): string | undefined;
}

/** Edges with the same fate, for the same reason, of one line or one project. */
interface Fate {
  readonly edge: PlannedEdge;
  readonly image: PlannedImage;
  /** Absent when the edges are of lines that are as they were, and go to another registry. */
  readonly line: ChangedLine | undefined;
  readonly destinations: Set<RepositoryName>;
  /** Where it is asked for, and what is: several places where one cause keeps many from being read. */
  readonly places: Map<string, { readonly place: Place; readonly name: string }>;
  count: number;
}

/** Places beside the first one that are shown of what has one cause. */
const maxOthers = 2;

/**
 * What promotion could not do of what the change asks for. What an old line asks of a new destination is judged more
 * leniently where the line is to blame: that staging has lost an image was so before.
 */
export function judgePlan(
  plan: Plan,
  lines: ChangedLines,
  comments: Comments,
  isReported: (edge: PlannedEdge) => boolean,
): readonly ReviewFinding[] {
  return [...fatesOf(plannedImages(plan), lines).values()].flatMap((fate): readonly ReviewFinding[] => {
    const found = judge(fate, comments, isReported);
    const [first, ...others] = fate.places.values();
    if (found === undefined || first === undefined) return [];
    const related = (fate.edge.verdict === "unread" ? others : [])
      .slice(0, maxOthers)
      .map(({ place, name }) => ({ ...placed(place), message: name }));
    return [
      {
        ...found,
        ...placed(first.place),
        related: found.related ?? (related.length === 0 ? undefined : related),
        destinations: [...fate.destinations].sort(),
      },
    ];
  });
}

/** Conflicts of production with the plan, for whoever finds out what stands there. */
export function conflictsOf(plan: Plan): readonly {
  readonly image: PlannedImage;
  readonly edge: PlannedEdge;
  readonly destination: RepositoryName;
}[] {
  const found = new Map<string, { image: PlannedImage; edge: PlannedEdge; destination: RepositoryName }>();
  for (const { destination, images } of plannedImages(plan)) {
    for (const image of images) {
      for (const edge of image.edges) {
        if (edge.current === undefined) continue;
        const key = `${image.source} ${edge.current}`;
        if (!found.has(key)) found.set(key, { image, edge, destination });
      }
    }
  }
  return [...found.values()];
}

/** What a finding is called about that which is in one of these states; about any other, `blocked`. */
const codes: ReadonlyMap<string, ReviewCode> = new Map([
  ["conflict", "conflict"],
  ["lost", "lost"],
  ["overlap", "overlap"],
  ["unread", "unread"],
  ["refused", "policy-missing"],
]);

/**
 * The same of all that is promoted but images: whatever is a problem fails, one finding for each reason.
 * @param problems What a report of the plan names.
 */
export function judgeOthers(problems: readonly ReportedEdge[]): readonly ReviewFinding[] {
  const groups = new Map<string, [ReportedEdge, ...ReportedEdge[]]>();
  for (const edge of problems) {
    if (edge.kind === imageKind) continue;
    const key = `${edge.kind} ${edge.state} ${edge.why}`;
    groups.set(key, [...(groups.get(key) ?? []), edge] as [ReportedEdge, ...ReportedEdge[]]);
  }
  return Array.from(groups.values(), ([edge, ...others]): ReviewFinding => {
    const { state, why = "nobody knows why", failure, place } = edge;
    const names = firstOf([edge, ...others].map(({ destination }) => destination));
    const code = codes.get(state) ?? "blocked";
    return { severity: "fails", code, message: `${names}: ${why}`, hint: failure?.hint, ...placed(place) };
  });
}

function fatesOf(repositories: readonly PlannedRepository[], { lineOf }: ChangedLines): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  for (const { destination, images } of repositories) {
    for (const image of images) {
      for (const edge of image.edges) {
        if (!isProblem(edge.verdict)) continue;
        const at = formatPlace(edge.at);
        const line = lineOf(destination, image.digest, edge.tag);
        const isOfLine = line !== undefined || edge.verdict === "conflict" || edge.verdict === "overlap";
        const problem = edge.failure === undefined ? undefined : problemOf(edge.failure);
        const isOfCause = edge.verdict === "unread" && problem !== undefined;
        const subject = isOfCause
          ? [problem.host, problem.hint]
          : isOfLine
            ? [at, edge.tag, image.digest]
            : [image.project];
        const why = edge.verdict === "refused" ? edge.policy?.why : undefined;
        const key = [edge.verdict, edge.reason, edge.current, edge.failure?.code, why, ...subject].join(" ");
        const fate = fates.get(key) ?? {
          edge,
          image,
          line,
          destinations: new Set<RepositoryName>(),
          places: new Map<string, { place: Place; name: string }>(),
          count: 0,
        };
        fate.count += 1;
        fate.places.set(at, { place: edge.at, name: imageName(image, edge, [destination], line) });
        fate.destinations.add(destination);
        fates.set(key, fate);
      }
    }
  }
  return fates;
}

type Judged = Pick<ReviewFinding, "severity" | "code" | "message" | "hint" | "related">;

function judge(
  { edge, image, line, count, ...fate }: Fate,
  { describe, staged }: Comments,
  isReported: (edge: PlannedEdge) => boolean,
): Judged | undefined {
  const destinations = [...fate.destinations].sort();
  const name = imageName(image, edge, destinations, line);
  switch (edge.verdict) {
    case "lost": {
      if (line === undefined) {
        return {
          severity: "mentions",
          code: "lost",
          message: `of what ${image.project} listed before, ${edgesInWords(count)} cannot be copied: staging does not have them any more`,
          hint: "new destinations will lack them; copy them from production if they are wanted there",
        };
      }
      const other = staged(line);
      return {
        severity: "fails",
        code: "lost",
        message: `${name} (${image.digest}) is in neither staging (${image.source}) nor production`,
        hint:
          other === undefined
            ? "push it to staging, or correct the digest"
            : `correct the digest: in staging the tag stands at ${other}`,
      };
    }
    case "conflict": {
      const what = (digest: string) => describe(image.source, digest) ?? "nobody knows what it is";
      const current = edge.current ?? "";
      return {
        severity: "fails",
        code: "conflict",
        message:
          `${firstOf(destinations.map((destination) => `${destination}:${edge.tag}`))} ` +
          `${destinations.length === 1 ? "stands" : "stand"} at ${current} (${edge.currentType ?? what(current)}), ` +
          `and the change asks for ${image.digest} (${what(image.digest)}); tags never move`,
        hint: "give the new image a tag of its own",
      };
    }
    case "refused": {
      const { policy } = edge;
      const why = policy === undefined ? "a policy stands against it" : refusalInWords(policy);
      return {
        severity: "fails",
        code: edge.reason === "policy-failed" ? "policy-failed" : "policy-missing",
        message: `${line === undefined ? `${edgesInWords(count)} of ${image.project}` : name} would not be promoted: ${why}`,
        hint: policy?.hint,
        related: policy && [{ ...placed(policy.at), message: "the policy that demands it" }],
      };
    }
    case "overlap":
      if (isReported(edge)) return undefined;
      return {
        severity: "fails",
        code: "overlap",
        message: `${name} is asked for with several digests`,
        hint: "keep the tag at one digest",
        related: (edge.claims ?? []).map(({ digest, at }) => ({ ...placed(at), message: digest })),
      };
    default: {
      if (edge.reason === "policy-unreadable") {
        const what = line === undefined ? `${edgesInWords(count)} of ${image.project}` : name;
        const { policy, failure } = edge;
        return {
          severity: "fails",
          code: "policy-unreadable",
          message: `it is not known whether ${fate.places.size > 1 ? `${edgesInWords(count)} of ${fate.places.size} lines` : what} may be promoted: what vouches for the image could not be read: ${failure?.message ?? policy?.why ?? "nobody knows why"}`,
          hint: failure?.hint ?? policy?.hint ?? "review again once it can be read",
          related: policy && [{ ...placed(policy.at), message: "the policy that demands it" }],
        };
      }
      const side = edge.reason === "source-unread" ? image.source : firstOf(destinations);
      const what =
        fate.places.size > 1
          ? `whether ${edgesInWords(count)} of ${fate.places.size} lines can be done`
          : line === undefined
            ? `whether ${edgesInWords(count)} of ${image.project} can be done`
            : `whether ${name} can be done`;
      return {
        severity: "fails",
        code: "unread",
        message: `it is not known ${what}: ${side} could not be read: ${edge.failure?.message ?? "nobody knows why"}`,
        hint: edge.failure?.hint ?? "review again once the registry answers",
      };
    }
  }
}

function edgesInWords(count: number): string {
  return count === 1 ? "1 edge" : `${count} edges`;
}

function imageName(
  image: PlannedImage,
  { tag }: PlannedEdge,
  [destination = image.source]: readonly RepositoryName[],
  line: ChangedLine | undefined,
): string {
  return nameOf({ image: line?.image ?? destination, tag, digest: image.digest });
}
