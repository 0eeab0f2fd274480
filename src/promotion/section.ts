import type * as z from "zod/mini";
import type { Copier, DocumentCache } from "../copy/index.ts";
import type { EdgeSet } from "../edges/index.ts";
import type { FailureRecord, Problem } from "../errors/index.ts";
import type { Listener, ProgressEvent } from "../events/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { ImageSigning, ImageTrust } from "../trust/index.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Judging } from "./judging.ts";
import type { Decision, PolicyRefusal, Section } from "./plan.ts";
import type { HeldBack } from "./referrers/held-back.ts";
import type { ReportedEdge } from "./report.ts";

/** How promotion reaches a repository: usually `openRegistries(…).repository`. */
export type OpenRepository = (name: RepositoryName) => Repository;

/** One edge of a section: an item may hold it for many destinations at once. */
export interface SectionEdge {
  /** Where it goes, by name. */
  readonly destination: string;
  /** The same object for all destinations that the item holds it for. */
  readonly edge: Decision;
  /** What a dry run would only find out by writing: work is done all the same. */
  readonly missing?: FailureRecord | undefined;
}

/** What reports say of an edge that its kind alone knows: whose it is, and what fields it has beside those that all have. */
export interface EdgeDetails {
  /** Where it goes, by name. */
  readonly destination: string;
  /** Of what is promoted. */
  readonly digest: Digest;
  readonly project: string;
}

/** What is planned at each of these destinations, of which none is in another item. */
export interface Identity {
  readonly destinations: readonly string[];
  /** What would be done, and why. */
  readonly text: string;
  /** Of each edge at one of them. */
  readonly decisions: readonly Decision[];
}

/** What became of one edge that the plan asked to be done. */
export interface Outcome<Edge extends SectionEdge = SectionEdge> {
  readonly kind: string;
  readonly of: Edge;
  /** Absent when it was done. */
  readonly failure?: FailureRecord;
}

/** What sections are planned of. */
export interface SectionQuestion {
  /** What is asked for: all of it, or that which is to be looked at. */
  readonly edges: EdgeSet;
  readonly open: OpenRepository;
  /** What is read for planning is kept here for applying. */
  readonly documents: DocumentCache;
  /** What is asked of images once, for planning and for applying. */
  readonly judging: Judging;
  /** Who vouches for images, and what hangs on them. Without it nobody looks. */
  readonly trust?: ImageTrust | undefined;
  /** What promotion signs. Without it, nothing. */
  readonly signing?: ImageSigning | undefined;
  /** What is planned already: of images, for what hangs on them. */
  readonly earlier: readonly Section[];
  /** Told after each repository that was read. */
  readonly listener?: Listener<ProgressEvent> | undefined;
  /** Nothing is begun once it is aborted: what is left is `unread`, as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
}

export interface ApplyOptions {
  readonly open: OpenRepository;
  readonly documents: DocumentCache;
  /** As in {@link SectionQuestion}. */
  readonly judging: Judging;
  readonly copier: Copier;
  /** Who is told of images that are there: what hangs on an image is attached after it. */
  readonly arrivals: Arrivals;
  /** Images that are not to be put, and why. */
  readonly heldBack?: HeldBack | undefined;
  /** As in {@link SectionQuestion}. */
  readonly trust?: ImageTrust | undefined;
  /** As in {@link SectionQuestion}. */
  readonly signing?: ImageSigning | undefined;
  /** Is told of every edge as it ends. */
  readonly tell: (outcome: Outcome) => void;
  /** Nothing is begun once it is aborted; what is under way is finished, so nothing is left half done. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One kind of things that promotion brings to production. It alone knows what its items are; the envelope, the gate,
 * reports and saved plans ask it. Methods that are given items or edges are given its own.
 */
export interface SectionKind<
  Item extends object = object,
  Edge extends SectionEdge = SectionEdge,
  Details extends EdgeDetails = EdgeDetails,
> {
  readonly kind: string;
  /** Its work ends before that of images begins, though it is planned after it. */
  readonly precedesImages?: true;
  /** What an item of a saved plan has to be. */
  readonly schema: z.ZodMiniType<Item>;
  /**
   * Looks at what there is, and says what is to be done. A section with nothing in it is left out of the plan, unless it
   * is that of images. Never throws: what cannot be read is `unread`.
   */
  plan(question: SectionQuestion): Promise<Section<Item>>;
  /**
   * Does the work, and nothing else, while other sections do theirs. A failure stays with its edge; never throws.
   */
  apply(items: readonly Item[], options: ApplyOptions): Promise<readonly Outcome<Edge>[]>;
  /** Every edge of the items, in the order of reports. */
  edges(items: readonly Item[]): Iterable<Edge>;
  /** What the plan's hash and its sums are made of. */
  identity(item: Item): Identity;
  /** The items, with work that the saved ones do not hold `withheld`. */
  withhold(items: readonly Item[], saved: readonly Item[]): readonly Item[];
  details(edge: Edge): Details;
  /** Why an edge is a problem, in words, where its kind alone can say so: of a conflict, an overlap, or what is lost. */
  explain(edge: Edge): string | undefined;
  /** All policies that stand against an edge, where its kind knows of more than the edge names. */
  refusals?(edge: Edge): readonly PolicyRefusal[];
  /** What an edge is called: a reference, or a path. */
  name(edge: Details): string;
  /** `host[:port]` that it goes to, where it goes to one. */
  host(edge: Details): string | undefined;
  /** What is behind such a problem, in words that are the same wherever it is behind one; `undefined` as above. */
  cause(edge: ReportedEdge & Details): Omit<Problem, "state" | "what" | "at"> | undefined;
}
