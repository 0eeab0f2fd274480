import pLimit from "p-limit";
import { Copier, type CopyEvent, type ImageGraph, readGraph, type Seat, WideImages } from "../copy/index.ts";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import type { Listener, ProgressEvent } from "../events/index.ts";
import type { ListedTag } from "../inspect/index.ts";
import {
  type Digest,
  formatReference,
  type ImageDocument,
  isReferrersTag,
  readImageContent,
  type Tag,
  type Target,
} from "../oci/index.ts";
import { notKeptInList, placeOf, RegistryError, type Repository } from "../registry/index.ts";

/** An image as it is to be at the destination: under a tag, or by its digest alone. */
export interface WantedImage {
  readonly digest: Digest;
  readonly tag: Tag | undefined;
}

/** Images under tags that are listed. Lists of referrers are left out: who attaches something keeps them. */
export function imagesOf(tags: readonly ListedTag[]): readonly WantedImage[] {
  return tags.flatMap(({ tag, digest }) =>
    digest === undefined || isReferrersTag(tag) ? [] : [{ tag, digest }],
  );
}

/** Images of one repository that somebody wants to have in another one, or under other tags of the same. */
export interface Transfer {
  readonly from: Repository;
  readonly to: Repository;
  /** Each tag once. */
  readonly wanted: readonly WantedImage[];
  /** The repositories as errors name them; by their names when they are left out. */
  readonly names?: { readonly from: string; readonly to: string };
  /** Tags that stand elsewhere are moved; without it they are refused. */
  readonly move?: boolean;
  /** What hangs on an image goes with it. */
  readonly referrers?: boolean;
  /** Look, and write nothing. */
  readonly dryRun?: boolean;
  readonly listener?: Listener<CopyEvent | ProgressEvent> | undefined;
  /** Once it is aborted no further image is begun. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * - `present`: it is as wanted already.
 * - `put`: what was not there is, or would be in a dry run.
 * - `moved`: the tag stood elsewhere before.
 * - `refused`: the tag stands elsewhere, and nobody has said that it may move.
 * - `failed`: the failure says why.
 * - `pending`: it was not begun.
 */
export type TransferResult = "present" | "put" | "moved" | "refused" | "failed" | "pending";

/** What became of an image that was wanted. */
export interface TransferOutcome {
  readonly digest: Digest;
  readonly tag: Tag | null;
  readonly result: TransferResult;
  /** What the tag stood for when it was looked at first; `null` for nothing, or when nobody knows. */
  readonly before: Digest | null;
  readonly failure?: FailureRecord | undefined;
}

/** Images under way at the same time; the policy of each host bounds what really is in flight. */
const imagesAtOnce = 24;
/** Tags that are asked for at the same time. */
const tagsAtOnce = 64;

/**
 * Brings images to where they are wanted, each whole and by its digest: an index with everything that it lists. A tag that
 * stands elsewhere stays, unless it may move. Nothing is written on one answer alone: a tag is asked for once more right before it is
 * put, and one that stands elsewhere than at the first look is a failure; it is asked for right after that as well. One image's failure is not another's; the tags
 * of one image are put when all of it is there.
 * @returns The outcomes in the order of what was wanted.
 */
export function transferImages(transfer: Transfer): Promise<readonly TransferOutcome[]> {
  return transferBy(new Copier(transfer.listener), transfer);
}

/** The same for one of several transfers of a run: what its copier has brought to a registry is not brought there again. */
export async function transferBy(copier: Copier, transfer: Transfer): Promise<readonly TransferOutcome[]> {
  const { wanted, dryRun = false, referrers = false, signal, listener } = transfer;
  const looks = await pLimit(tagsAtOnce).map(wanted, (image) => look(transfer, image));
  if (dryRun) return looks;
  const images = looks.map((outcome): Image => ({ outcome }));
  const groups = new Map<Digest, Image[]>();
  for (const image of images) {
    const { digest, result } = image.outcome;
    const isWork = isWritten(result) || (result === "present" && referrers);
    if (isWork) groups.set(digest, [...(groups.get(digest) ?? []), image]);
  }
  const run: Run = { ...transfer, copier, wide: new WideImages(), came: [] };
  let done = 0;
  await pLimit(imagesAtOnce).map([...groups], async ([digest, group]) => {
    if (signal?.aborted) for (const image of group) end(image, "pending");
    else await bring(run, digest, group);
    done += 1;
    listener?.({ type: "progress", done, total: groups.size });
  });
  await confirmReferrers(run);
  return images.map(({ outcome }) => outcome);
}

/** An image under way, with what is known of it by now. */
interface Image {
  outcome: TransferOutcome;
}

interface Run extends Transfer {
  readonly copier: Copier;
  readonly wide: WideImages;
  /** Images that came with manifests which have to be in a list of referrers at the end. */
  readonly came: { readonly image: Image; readonly referrers: readonly Digest[] }[];
}

function isWritten(result: TransferResult): boolean {
  return result === "put" || result === "moved";
}

function end(image: Image, result: TransferResult, failure?: FailureRecord): void {
  image.outcome = { ...image.outcome, result, failure };
}

async function look(transfer: Transfer, { digest, tag }: WantedImage): Promise<TransferOutcome> {
  const { to, move = false } = transfer;
  const told = { digest, tag: tag ?? null };
  try {
    const before = (await to.resolve(tag ?? digest))?.digest ?? null;
    if (before === digest) return { ...told, before, result: "present" };
    if (before === null) return { ...told, before, result: "put" };
    if (move) return { ...told, before, result: "moved" };
    const failure = new WaybillError("tag-taken", `the tag stands for ${before}, not for ${digest}`, {
      where: shownIn(transfer, tag ?? digest),
      hint: "if it is to stand for another image, move it: --move",
    });
    return { ...told, before, result: "refused", failure: failureRecord(failure) };
  } catch (error) {
    return { ...told, before: null, result: "failed", failure: failureRecord(error) };
  }
}

async function bring(run: Run, digest: Digest, group: readonly Image[]): Promise<void> {
  const seat = run.wide.seat();
  try {
    const root = (await held(run, digest)) ?? (await copied(run, digest, group, seat));
    await putAll(run, root, group);
    await Promise.all(group.map((image) => confirm(run, image)));
  } catch (error) {
    for (const image of group) end(image, "failed", failureRecord(error));
  } finally {
    seat.leave();
  }
}

/** The root of an image that is at the destination; `undefined` where it is not, or more than the image has to come. */
async function held(run: Run, digest: Digest): Promise<ImageDocument | undefined> {
  const { from, to, referrers } = run;
  if (from.address !== to.address && (referrers || !(await to.resolve(digest, { mode: "glance" }))))
    return undefined;
  const root = await to.fetch(digest);
  // What not all read alike, or is no image, gets no tag, whoever has brought it there.
  if (root !== undefined) readImageContent(root, shownIn(run, digest));
  return root;
}

async function copied(run: Run, digest: Digest, group: readonly Image[], seat: Seat): Promise<ImageDocument> {
  const { from, to, referrers, names, copier } = run;
  const graph = await readGraph(from.fetch, digest, names?.from ?? from.name, {
    seat,
    ...(referrers ? { predecessors: (manifest) => from.referrers(manifest.digest) } : {}),
  });
  if (referrers && (await isAllThere(to, graph))) return graph.root.document;
  await Promise.all(copier.copyClosure({ graph, from, to: [{ repository: to, empty: false }] }));
  const about = [graph.root, ...graph.children, ...graph.hanging].filter(
    ({ content }) => content.subject !== undefined,
  );
  const digests = about.map(({ document }) => document.descriptor.digest);
  for (const image of group) if (digests.length > 0) run.came.push({ image, referrers: digests });
  return graph.root.document;
}

/** Whether a repository has an image and lists all that hangs on it. One that is there has what it refers to. */
async function isAllThere(to: Repository, { root, children, hanging }: ImageGraph): Promise<boolean> {
  const { digest } = root.document.descriptor;
  if ((await to.resolve(digest, { mode: "glance" })) === undefined) return false;
  const subjects = new Set(
    [root, ...children, ...hanging].flatMap(({ content }) => content.subject?.digest ?? []),
  );
  const listed = new Set<Digest>();
  for (const subject of subjects)
    for (const referrer of await to.referrers(subject)) listed.add(referrer.digest);
  return [root, ...children, ...hanging].every(
    ({ document, content }) => content.subject === undefined || listed.has(document.descriptor.digest),
  );
}

/** Puts an image under its tags, all together where the registry takes that. */
async function putAll(run: Run, root: ImageDocument, group: readonly Image[]): Promise<void> {
  const put = async (images: readonly Image[]): Promise<FailureRecord | undefined> => {
    try {
      const tags = images.flatMap(({ outcome: { tag } }) => tag ?? []);
      await run.copier.putRoot(root, run.to, tags);
      return undefined;
    } catch (error) {
      return failureRecord(error);
    }
  };
  const ready = (await Promise.all(group.map((image) => isReady(run, image)))).flatMap(
    (image) => image ?? [],
  );
  const [first] = ready;
  if (first === undefined) return;
  const failure = await put(ready);
  if (failure === undefined) return;
  if (ready.length === 1) return end(first, "failed", failure);
  // Each has its own failure. Attempts take time: each tag is looked at again, and one that has got there was put.
  for (const image of ready) {
    const { result } = image.outcome;
    if ((await isReady(run, image)) !== undefined) {
      const own = await put([image]);
      if (own !== undefined) end(image, "failed", own);
    } else if (image.outcome.result === "present") end(image, result);
  }
}

/** The image, when its tag still stands where it stood, so that it may be put. */
async function isReady(run: Run, image: Image): Promise<Image | undefined> {
  const { tag, digest, before, result } = image.outcome;
  if (!isWritten(result)) return undefined;
  if (tag === null) return image;
  try {
    // Absence that was seen once is asked for by what alone can say so.
    const now = (await run.to.resolve(tag, { mode: "likely-absent" }))?.digest ?? null;
    if (now === before) return image;
    if (now === digest) {
      end(image, "present");
      return undefined;
    }
    throw new WaybillError(
      "tag-taken",
      `the tag ${before === null ? "was free" : `stood for ${before}`} a moment ago, and ${now === null ? "is gone" : `stands for ${now}`} now`,
      { where: shownIn(run, tag), hint: "somebody else writes it: find out who does, then run again" },
    );
  } catch (error) {
    end(image, "failed", failureRecord(error));
    return undefined;
  }
}

/** Looks whether it is there: a registry, or what stands before it, may say that it has taken what it has not. */
async function confirm(run: Run, image: Image): Promise<void> {
  const { tag, digest, result } = image.outcome;
  if (!isWritten(result)) return;
  const { to } = run;
  const where = shownIn(run, tag ?? digest);
  try {
    const now = (await to.resolve(tag ?? digest))?.digest;
    if (now === digest) return;
    throw now === undefined
      ? new RegistryError(
          "unexpected-response",
          "the registry said that it has taken it, and does not have it",
          {
            ...placeOf(to),
            ...{ where, hint: "ask whoever runs it, or what stands before it, what becomes of a PUT" },
          },
        )
      : new WaybillError("tag-taken", `it was put, and the tag stands for ${now}`, {
          ...{ where, hint: "somebody else writes it: find out who does, then run again" },
        });
  } catch (error) {
    end(image, "failed", failureRecord(error));
  }
}

/** Looks at the end at the lists of referrers that were written, for a slower writer may have overwritten them since. */
async function confirmReferrers({ to, came }: Run): Promise<void> {
  if (came.length === 0 || to.confirmReferrers === undefined) return;
  try {
    const lost = new Set(await to.confirmReferrers());
    for (const { image, referrers } of came) {
      const missing = referrers.find((digest) => lost.has(digest));
      if (missing === undefined || !isBrought(image)) continue;
      end(image, "failed", failureRecord(notKeptInList(to, missing)));
    }
  } catch (error) {
    for (const { image } of came) if (isBrought(image)) end(image, "failed", failureRecord(error));
  }
}

function isBrought({ outcome: { result } }: Image): boolean {
  return isWritten(result) || result === "present";
}

function shownIn({ to, names }: Transfer, target: Target): string {
  return formatReference(names?.to ?? to.name, target);
}
