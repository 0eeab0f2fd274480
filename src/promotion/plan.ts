import { createHash } from "node:crypto";
import type { Place } from "../diagnostics/index.ts";
import type { ManifestComparison, Selected } from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { CommittedManifests } from "../manifest/index.ts";
import type { SectionKinds } from "./kinds.ts";
import { imageKind } from "./planned-images.ts";
import { isProblem, isWork, noVerdicts, type Reason, type Verdict } from "./verdicts.ts";

/** The format of plans, as it stands in them. */
export const planFormat = "waybill-plan/2";

/**
 * What a promotion would do and why: plain data, to be printed, reviewed, saved, and applied on another day. A plan
 * never asks for a deletion or for a tag to move.
 */
export interface Plan {
  readonly format: typeof planFormat;
  /** Digest of all that is not as asked: the identity of the plan. Places in files do not count. */
  readonly hash: string;
  /**
   * Digest of the edges that the manifests ask for, or that the plan is limited to. A saved plan is refused when it is no
   * longer theirs.
   */
  readonly edgesHash: string;
  /** What it is limited to, when it is to a change. */
  readonly since?: Since;
  /** What was selected, when something was. */
  readonly selection?: Selected;
  /** When the registries were read. */
  readonly createdAt: string;
  /** Edges by verdict. */
  readonly summary: PlanSummary;
  /** Listed edges by the reason for their verdict: why something is refused or withheld, and how much. */
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
  /** What is planned, one section for each kind of things that are promoted. */
  readonly sections: readonly Section[];
}

/** What a plan is limited to: edges that are asked for, and were not or not so when a commit was made. */
export interface Since {
  /** Full hash of the commit. */
  readonly commit: string;
  /** Edges that were asked for then as they are now: nobody looks at them. */
  readonly unchanged: number;
  /** Edges that are not asked for any more. Production keeps them. */
  readonly removed: number;
  /** Projects that could not be read at the commit: all that they ask for counts as changed. */
  readonly unreadable: readonly string[];
}

/** What a plan is limited to that looks only at what changed since a commit. */
export function sinceCommit(
  { commit }: Pick<CommittedManifests, "commit">,
  { edges, unreadable }: ManifestComparison,
): Since {
  return { commit, unchanged: edges.unchanged, removed: edges.removed, unreadable: unreadable.before };
}

/** Edges by verdict. */
export type PlanSummary = Readonly<Record<Verdict, number>>;

/** What is planned of one kind of things, such as images. What its items are is known to its kind alone. */
export interface Section<Item extends object = object> {
  readonly kind: string;
  /** Edges that are as asked: they are counted, and not listed. */
  readonly present: number;
  /** Every edge that is not, in items of a size that can be read and written one by one. */
  readonly items: readonly Item[];
}

/** What is to become of one edge and why, whatever it is about. */
export interface Decision {
  readonly verdict: Verdict;
  readonly reason: Reason;
  /** Of the line that asks for it. */
  readonly at: Place;
  /** The policy that stands against it, and what it says. */
  readonly policy?: PolicyRefusal;
  /** What made it unread. */
  readonly failure?: FailureRecord;
}

/** A policy that stands against an edge. */
export interface PolicyRefusal {
  readonly name: string;
  readonly at: Place;
  /** In one sentence, what is missing, or not so. */
  readonly why: string;
  readonly hint?: string;
}

/** What the edges of a plan, or of what came of it, are limited to. */
export interface PlanLimits {
  readonly since?: Since | undefined;
  readonly selection?: Selected | undefined;
}

/** The limits that there are. */
export function limitsIn({ since, selection }: PlanLimits): Pick<Plan, "since" | "selection"> {
  return { ...(since === undefined ? {} : { since }), ...(selection === undefined ? {} : { selection }) };
}

/** A plan of these sections, with its summary and hash. */
export function sealPlan(
  kinds: SectionKinds,
  sections: readonly Section[],
  edgesHash: string,
  { since, selection }: PlanLimits = {},
): Plan {
  const seal = createSeal(kinds);
  for (const { kind, present, items } of sections) {
    for (const item of items) seal.add(kind, item);
    seal.count(kind, present);
  }
  return {
    format: planFormat,
    ...seal.close(edgesHash),
    ...limitsIn({ since, selection }),
    createdAt: new Date().toISOString(),
    sections,
  };
}

/** Makes of the items of a plan, one by one, what its envelope says of all. */
export interface Seal {
  add(kind: string, item: object): void;
  /** Edges of a section that are as asked. */
  count(kind: string, present: number): void;
  close(edgesHash: string): Pick<Plan, "hash" | "edgesHash" | "summary" | "reasons">;
}

/**
 * The identity of a plan: what would be done where, and why, but not on which line of which file it is asked for, nor
 * since which commit, so that an approval outlives a comment added to a manifest, and a merge. What is as asked is in it
 * by the hash of all edges, for it is all but the edges that are listed. How edges are put into items makes no difference.
 */
export function createSeal(kinds: SectionKinds): Seal {
  const summary = noVerdicts();
  const reasons: Partial<Record<Reason, number>> = {};
  const sections = new Map<string, { present: number; places: string[] }>();
  const sectionOf = (kind: string): { present: number; places: string[] } => {
    const section = sections.get(kind) ?? { present: 0, places: [] };
    sections.set(kind, section);
    return section;
  };
  return {
    add(kind, item) {
      const { destinations, text, decisions } = kinds.of(kind).identity(item);
      const identity = createHash("sha256").update(text).digest("hex");
      const { places } = sectionOf(kind);
      for (const destination of destinations) places.push(`${destination} ${identity}\n`);
      for (const { verdict, reason } of decisions) {
        summary[verdict] += destinations.length;
        reasons[reason] = (reasons[reason] ?? 0) + destinations.length;
      }
    },
    count(kind, present) {
      sectionOf(kind).present += present;
      summary.present += present;
    },
    close(edgesHash) {
      const hash = createHash("sha256").update(`${planFormat}\n${edgesHash}\n`);
      // Not in the order in which they were added: a section of which all is present is known later when a plan is read.
      for (const [kind, { present, places }] of [...sections].sort(([one], [other]) =>
        one < other ? -1 : 1,
      )) {
        // A section may do no more than tell something: it is like one that is left out, as is any but that of images.
        if (kind !== imageKind && present === 0 && places.length === 0) continue;
        hash.update(`${kind} ${present}\n`);
        for (const place of places.sort()) hash.update(place);
      }
      return { hash: `sha256:${hash.digest("hex")}`, edgesHash, summary, reasons };
    },
  };
}

/** Whether production will be as asked when the plan's work is done: with `--strict`, nothing is done otherwise. */
export function planIsClean({ summary }: Plan): boolean {
  return !verdictsOf(summary).some(([verdict, count]) => count > 0 && isProblem(verdict));
}

/** How many edges a plan would do. */
export function workOf({ summary }: Plan): number {
  return verdictsOf(summary).reduce((sum, [verdict, count]) => (isWork(verdict) ? sum + count : sum), 0);
}

function verdictsOf(summary: PlanSummary): readonly [Verdict, number][] {
  return Object.entries(summary) as [Verdict, number][];
}
