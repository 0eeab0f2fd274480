import type { Digest } from "../oci/index.ts";

/**
 * What can become of an image.
 * - `asked`: manifests ask for it.
 * - `built`: a run has pushed it to its staging repository.
 * - `proposed`: a pull request asks for it.
 * - `reviewed`: a pull request that asks for it was judged.
 * - `promoted`: a run has brought it, or a tag of it, to production.
 * - `stopped`: a run could not bring it there.
 * - `found`: a verification found that production is not what was asked for.
 */
export type ImageEventKind = "asked" | "built" | "proposed" | "reviewed" | "promoted" | "stopped" | "found";

/** What is kept of an event beside who, when and which: small, plain data, in which texts are from outside. */
export interface ImageEventDetails {
  /** Tags that it is about. */
  readonly tags?: readonly string[] | undefined;
  /** `file:line:column` of the lines that ask for it. */
  readonly places?: readonly string[] | undefined;
  /** Production repositories. */
  readonly destinations?: readonly string[] | undefined;
  /** What stands there, or is wrong, in one word. */
  readonly state?: string | undefined;
  readonly why?: string | undefined;
  /** The digest of the provenance that was attached. */
  readonly provenance?: string | undefined;
  /** The variant of a build. */
  readonly variant?: string | undefined;
  /** The page of the pull request. */
  readonly pull?: string | undefined;
}

/** Something that has happened to an image, told by a run. */
export interface ImageEvent {
  readonly image: string;
  readonly digest: Digest;
  readonly kind: ImageEventKind;
  /** What makes it the same when it is told again: of one image there is one of each kind and key. */
  readonly key: string;
  readonly details: ImageEventDetails;
}

/** What a run has told of images. */
export interface RunStory {
  readonly events: readonly ImageEvent[];
  /** Production repositories, each with the image that was promoted there. */
  readonly mirrors: ReadonlyMap<string, string>;
  /** Projects of the manifests, by image. */
  readonly projects?: ReadonlyMap<string, string> | undefined;
  readonly pull?: ToldPull | undefined;
  /** The commit of the source, where it is known better than by the queue. */
  readonly commit?: string | undefined;
  /** What was too much to be kept, or could not be read; `undefined` when it is whole. */
  readonly why?: string | undefined;
}

/** A pull request, as it was judged last. */
export interface ToldPull {
  readonly url: string;
  readonly number: number;
  readonly title?: string | undefined;
  readonly author?: string | undefined;
  /** The commit that was judged, and the hash of what it asks for, which approvals are bound to. */
  readonly commit?: string | undefined;
  readonly edgesHash?: string | undefined;
  readonly verdict?: string | undefined;
  readonly approvals: readonly JudgedApproval[];
  /** Files that nobody has approved who may. */
  readonly uncovered: readonly string[];
}

/** Somebody's approval of a pull request, and whether it counts. */
export interface JudgedApproval {
  readonly user: string;
  /** What was approved. */
  readonly commit?: string | undefined;
  /** ISO 8601. */
  readonly at?: string | undefined;
  /** Why it does not count; `undefined` when it does. */
  readonly void?: string | undefined;
}

/** A run that may have done something to images. */
export interface TellingRun {
  readonly id: string;
  readonly job: string;
  readonly kind: string;
  readonly repo: string | undefined;
  readonly commit: string | undefined;
  readonly pull: number | undefined;
  readonly endedAt: Date;
}

/** An event as it is kept, with the run that told it first, and the last one where it went on. */
export interface KeptEvent extends ImageEvent {
  readonly run: TellingRun;
  readonly at: Date;
  readonly lastRun: string;
  readonly lastAt: Date;
  /** Among the events of its run, in the order of a list. */
  readonly place: string;
  /** The pull request that it is about, as it was judged last. */
  readonly judged?: ToldPull | undefined;
}

/** An image: a repository, by where its images are pushed first. */
export interface KnownImage {
  readonly name: string;
  /** The project of the manifests that promotes it. */
  readonly project: string | undefined;
  readonly lastAt: Date;
  /** Production repositories that were promoted to. */
  readonly mirrors: number;
  readonly digests: number;
  /** The tag that came last. */
  readonly tag: string | undefined;
}

/** A tag of an image, and what it stood for. */
export interface KnownTag {
  readonly image: string;
  readonly tag: string;
  readonly digest: Digest;
  /** When it was first heard of, and by which run. */
  readonly at: Date;
  readonly run: string;
}

/** What a digest is made of. */
export interface ImageContents {
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly created?: string | undefined;
  /** Bytes of config and layers over all platforms, each blob once. */
  readonly bytes: number;
  readonly platforms: readonly string[];
  readonly layers: readonly { readonly digest: string; readonly bytes: number }[];
  /** There are more platforms or layers than were read, or some that are not there yet. */
  readonly isPartial: boolean;
}
