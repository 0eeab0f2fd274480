import type { EdgeSet } from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { BadHealth, EdgeTrouble } from "./health.ts";

/** A tree of promoter manifests, as jobs name it: what it asks for is production. */
export interface ManifestPlace {
  /** URL of the repository. */
  readonly repo: string;
  /** The branch whose head is looked at, such as `refs/heads/main`. */
  readonly ref: string;
  /** Of the tree in the repository. */
  readonly path: string;
}

/** One edge, or an image at a mirror as a whole, that is not as asked. */
export interface SeenTrouble {
  readonly destination: string;
  readonly digest: string;
  /** `null` for the image as a whole. */
  readonly tag: string | null;
  readonly trouble: EdgeTrouble;
  /** Where the tag stands instead. */
  readonly current?: string | undefined;
  readonly failure?: FailureRecord | undefined;
}

/** What a run has found production to hold. */
export interface ProductionLook {
  readonly place: ManifestPlace;
  readonly run: string;
  readonly attempt: number;
  readonly job: string;
  /** Of the manifests. */
  readonly commit: string;
  /** Before the first registry was asked: nothing that was found is known to be newer. */
  readonly began: Date;
  /** It was not ended before all was looked at. What is not whole changes no state. */
  readonly isWhole: boolean;
  /** It looked into the images as well. */
  readonly isDeep: boolean;
  /** All that the manifests ask for. */
  readonly edges: EdgeSet;
  /** Projects whose manifests could not be read: of what they ask for, what was known stays. */
  readonly unreadable: readonly string[];
  readonly manifestErrors: number;
  /** Everything that is not as asked. */
  readonly troubles: Iterable<SeenTrouble>;
  /** What the run has brought to production. */
  readonly promoted: { readonly images: number; readonly edges: number };
}

/** Edges by what is not as asked. */
export type TroubleCounts = Readonly<Record<BadHealth, number>>;

/** Nothing yet of every health, to be counted up. */
export function noTroubles(): Record<BadHealth, number> {
  return { failed: 0, elsewhere: 0, damaged: 0, contested: 0, missing: 0, unread: 0 };
}
