import { Copier, type CopyEvent } from "../copy/index.ts";
import { failureRecord, phrase } from "../errors/index.ts";
import type { Listener, ProgressEvent } from "../events/index.ts";
import { type Digest, formatReference, type RepositoryName, subjectOf } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { type TransferOutcome, transferBy, type WantedImage } from "../transfer/index.ts";
import { openCosignTags, tagPlace } from "../trust/index.ts";
import { AirGapError } from "./errors.ts";
import { isSharedTag, mergeSignatures, standingElsewhere } from "./merge-signatures.ts";
import type { ListedImage } from "./model.ts";
import type { Bundle } from "./open.ts";

/** Where a repository of a bundle goes. */
export interface LoadTarget {
  readonly repository: Repository;
  /** As reports name it. */
  readonly shown: string;
}

/** How a bundle is loaded. */
export interface LoadOptions {
  readonly bundle: Bundle;
  readonly targetOf: (name: RepositoryName) => LoadTarget;
  /** Which repositories of the bundle; all without it. */
  readonly selects?: (name: RepositoryName) => boolean;
  /** Tags that stand elsewhere are moved; without it they are refused. */
  readonly move?: boolean;
  readonly dryRun?: boolean;
  readonly listener?: Listener<CopyEvent | ProgressEvent> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of an image of a bundle at its destination. */
export interface LoadedImage extends TransferOutcome {
  /** The repository in the bundle. */
  readonly repository: RepositoryName;
  readonly destination: string;
}

/**
 * Brings all images of a bundle to where they belong, each whole, with what hangs on it. What a destination has is not sent again, and a
 * second run writes nothing. One image's failure is not another's.
 * @throws {AirGapError} `bundle-conflict` before anything is written.
 */
export async function loadBundle(options: LoadOptions): Promise<readonly LoadedImage[]> {
  const { bundle, targetOf, selects = () => true, listener, signal } = options;
  const { move = false, dryRun = false } = options;
  const names = [...bundle.images.keys()].filter(selects);
  const targets = names.map((name) => ({ name, target: targetOf(name) }));
  refuseConflicts(bundle, targets);
  const copier = new Copier(listener);
  const loaded: LoadedImage[] = [];
  const tags = openCosignTags();
  for (const { name, target } of targets) {
    const from = bundle.repository(name);
    const to = target.repository;
    const wanted: WantedImage[] = [];
    const outcomes: TransferOutcome[] = [];
    for (const image of await rootsIn(from, bundle.images.get(name) ?? [])) {
      const { tag, digest } = image;
      const other = isSharedTag(tag) ? await standingElsewhere(to, tag, digest) : undefined;
      if (tag === undefined || other === undefined) wanted.push(image);
      else outcomes.push(await mergeSignatures(tags, { from, to, dryRun }, { tag, digest }, other));
    }
    const transferred = await transferBy(copier, {
      ...{ from, to, wanted, names: { from: name, to: target.shown } },
      ...{ move, dryRun, referrers: true, listener, signal },
    });
    for (const outcome of [...transferred, ...outcomes])
      loaded.push({ ...outcome, repository: name, destination: target.shown });
  }
  return confirmed(loaded, await tags.confirm(), targetOf);
}

/** Of signatures that were added to others and did not stay, failures. */
function confirmed(
  loaded: readonly LoadedImage[],
  lost: ReadonlyMap<string, unknown>,
  targetOf: LoadOptions["targetOf"],
): readonly LoadedImage[] {
  return loaded.map((image) => {
    const place = image.tag === null ? "" : tagPlace(targetOf(image.repository).repository, image.tag);
    const isLost = image.result === "put" && lost.has(place);
    return isLost ? { ...image, result: "failed", failure: failureRecord(lost.get(place)) } : image;
  });
}

/** What is listed, without the manifests that hang on something: they come with it. */
async function rootsIn(from: Repository, listed: readonly ListedImage[]): Promise<readonly WantedImage[]> {
  const digests = new Set(listed.map(({ manifest }) => manifest.digest));
  const roots: WantedImage[] = [];
  for (const { tag, manifest } of listed) {
    const { digest } = manifest;
    if (tag === undefined && (await isAttached(from, digest, digests))) continue;
    roots.push({ digest, tag });
  }
  return roots;
}

async function isAttached(from: Repository, digest: Digest, listed: ReadonlySet<Digest>): Promise<boolean> {
  const document = await from.fetch(digest).catch(() => undefined);
  // One that cannot be read is wanted, and its transfer says why it failed.
  if (document === undefined) return false;
  const subject = subjectOf(document, digest);
  return subject !== undefined && (listed.has(subject) || (await from.fetch(subject)) !== undefined);
}

function refuseConflicts(
  bundle: Bundle,
  targets: readonly { readonly name: RepositoryName; readonly target: LoadTarget }[],
): void {
  const claimed = new Map<string, { readonly digest: Digest; readonly name: RepositoryName }>();
  for (const { name, target } of targets) {
    for (const { tag, manifest } of bundle.images.get(name) ?? []) {
      if (tag === undefined) continue;
      const place = formatReference(target.repository.address, tag);
      const other = claimed.get(place);
      if (other !== undefined && other.digest !== manifest.digest) {
        throw new AirGapError(
          "bundle-conflict",
          phrase`${formatReference(other.name, tag)} and ${formatReference(name, tag)} would both be ${formatReference(target.shown, tag)}, and are different images`,
          { hint: "give one of them another place: --to PREFIX=TARGET" },
        );
      }
      claimed.set(place, { digest: manifest.digest, name });
    }
  }
}
