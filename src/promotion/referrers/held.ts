import { type FailureRecord, failureRecord } from "../../errors/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { Repository } from "../../registry/index.ts";
import { type Accompaniment, companionKey, companionsOf, type Hanging } from "../../trust/index.ts";

/** What a destination holds of that which hangs on an image elsewhere. */
export interface HeldThere {
  has(companion: Accompaniment): boolean;
  /** Why it is not known: then nothing is known to be there, nor not to be. */
  readonly failure?: FailureRecord;
}

/** Where the image is not yet, nothing is asked: what an interrupted run may have left there is put again as it is. */
export const nothingHeld: HeldThere = { has: () => false };

/**
 * Asks a destination about what hangs on an image at its source: one list of referrers for each manifest that something
 * hangs on there, and each tag of cosign's that stands there. Never throws.
 */
export async function heldAt(open: () => Repository, { manifests, tags }: Hanging): Promise<HeldThere> {
  try {
    const repository = open();
    const subjects = new Set<Digest>(manifests.map(({ subject }) => subject));
    const [lists, standing] = await Promise.all([
      Promise.all(Array.from(subjects, (subject) => repository.referrers(subject))),
      Promise.all(
        tags.map(async ({ tag, subject }) => ({ tag, subject, document: await repository.fetch(tag) })),
      ),
    ]);
    const listed = lists.flat().map((manifest) => ({ manifest, subject: manifest.digest }));
    const there = standing.flatMap(({ document, ...place }) =>
      document === undefined ? [] : [{ ...place, document }],
    );
    const held = new Set(
      companionsOf({ manifests: listed, tags: there, unread: [] }).map((each) => companionKey(each)),
    );
    return { has: (companion) => held.has(companionKey(companion)) };
  } catch (error) {
    return { has: () => false, failure: failureRecord(error) };
  }
}
