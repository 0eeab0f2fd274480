import type { LimitFunction } from "p-limit";
import {
  type Budget,
  createDocumentCache,
  type DocumentCache,
  type ImageGraph,
  readGraph,
  WideImages,
} from "../copy/index.ts";
import { formatPlace, type Place } from "../diagnostics/index.ts";
import {
  type DesiredImage,
  type DesiredRepository,
  desiredRepositories,
  type EdgeSet,
  edgesOf,
  type Selected,
} from "../edges/index.ts";
import { type FailureRecord, failureRecord } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import {
  type Descriptor,
  type Digest,
  isForeignLayerType,
  type RepositoryName,
  splitRepository,
  type Tag,
} from "../oci/index.ts";
import { placing, type Repository } from "../registry/index.ts";
import type { ImageSigning, ImageTrust } from "../trust/index.ts";
import { hostLimits, onEachHost } from "./by-host.ts";
import { standing } from "./decide.ts";
import type { VerificationEvent } from "./events.ts";
import { interruption, isInterrupted } from "./interruption.ts";
import { readRepositoryState, type TargetReading } from "./inventory.ts";
import { openJudging } from "./judging.ts";
import { gatherJudgements, type JudgedAt, type ReportedJudgement } from "./policies.ts";
import { attachmentFindings } from "./referrers/verify.ts";
import type { Scope } from "./scope.ts";
import type { OpenRepository } from "./section.ts";
import { signingFindings } from "./signatures/verify.ts";
import {
  type BlobExaminer,
  type BlobLooks,
  type BlobReading,
  type BlobState,
  createBlobExaminer,
} from "./verify-blobs.ts";
import { createSignatureLook } from "./verify-signatures.ts";

/**
 * - `missing-tag`: the tag is not there.
 * - `tag-elsewhere`: the tag stands at another digest.
 * - `missing-image`: the digest is not there.
 * - `incomplete`: a manifest, config or layer that the image needs is not there, or is not given.
 * - `unlisted-referrer`: a manifest is about another image, and the list of that image's referrers lacks it.
 * - `missing-attachment`: what hangs on it at staging, and travels with it, does not hang on it here.
 * - `corrupt`: a manifest, config or layer is there but is not what its descriptor says, or not all read the same in it.
 * - `unsigned`: nobody has signed the image, or not as rules ask for.
 * - `not-verified`: it is signed, and no signature is true and by somebody who is known here.
 * - `policy`: a policy requires what is not there, or is not true or not allowed.
 * - `unread`: it could not be found out.
 */
export type FindingKind =
  | "missing-tag"
  | "tag-elsewhere"
  | "missing-image"
  | "incomplete"
  | "unlisted-referrer"
  | "missing-attachment"
  | "corrupt"
  | "unsigned"
  | "not-verified"
  | "policy"
  | "unread";

/** One way in which production is not what the manifests say. */
export interface Finding {
  readonly kind: FindingKind;
  readonly destination: RepositoryName;
  readonly digest: Digest;
  readonly tag: Tag | null;
  /** `file:line:column` of the line that asks for it. */
  readonly at: string;
  /** The same as data. */
  readonly place: Place;
  readonly message: string;
  /** Where the tag stands instead. */
  readonly current?: Digest;
  /** The media type of what it stands for there, when that is no image. */
  readonly currentType?: string;
  /** The object that is missing from the image. */
  readonly missing?: Digest;
  /** The config or layer that is not what its descriptor says. */
  readonly corrupt?: Digest;
  readonly failure?: FailureRecord | undefined;
  /** `file:line:column` of the policy that is not satisfied. */
  readonly policy?: string | undefined;
  /** What to do about what the policy says. */
  readonly hint?: string | undefined;
}

/** What verification found, and how much it looked at. */
export interface Verification {
  readonly format: "waybill-verification/1";
  /** What was selected, when something was. */
  readonly selection?: Selected;
  /** Repositories that were looked at. */
  readonly repositories: number;
  /** Images in them. */
  readonly images: number;
  /** Tags of these. */
  readonly tags: number;
  /** Blobs that were looked at, each once for its repository. */
  readonly blobs: number;
  /** How many blobs were read to the end (`whole`), by their `firstByte`, or only `asked` for. */
  readonly looks: BlobLooks;
  /** `percent` (100 for `--deep`) and `seed` of the blobs that were to be read as a whole; `null` when none were. */
  readonly sample: { readonly percent: number; readonly seed: string } | null;
  /** Bytes of blobs that were read as a whole. */
  readonly bytesRead: number;
  /** What policies say of images, where signatures were looked at: one for each of them that applies to a digest. */
  readonly policies?: readonly ReportedJudgement[];
  /** What is not as listed. */
  readonly findings: readonly Finding[];
  /** It was ended from outside before all was looked at. */
  readonly interrupted: boolean;
}

/** What to verify, and who is told. */
export interface VerifyOptions {
  readonly manifests: readonly PromoterManifest[];
  /** Look only at these edges of theirs; at all when it is left out. */
  readonly scope?: Pick<Scope, "edges" | "selection"> | undefined;
  readonly open: OpenRepository;
  /** Who knows what hangs on images; where a setting says what travels with them, it has to be there. */
  readonly trust?: ImageTrust | undefined;
  /** Blobs to read as a whole; of all others, the first byte is read. */
  readonly reading?: BlobReading | undefined;
  /** Look at who vouches for images as well, and hold them against policies. */
  readonly signatures?: ImageTrust | undefined;
  /** Look as well whether everything is signed that its rules ask for. */
  readonly signing?: ImageSigning | undefined;
  readonly listener?: Listener<VerificationEvent> | undefined;
  /** No repository is begun once it is aborted: the images of those that are left are `unread`. */
  readonly signal?: AbortSignal;
}

const repositoriesAtOnce = 32;
/** Images of one host whose manifests are held in memory at the same time. */
const imagesAtOnce = 24;

/**
 * Checks that every destination holds every listed digest under every listed tag, and each image's whole closure:
 * manifests are fetched and hashed; of configs and layers, the first byte is asked for, or all of them where
 * {@link VerifyOptions.reading} says so; foreign layers, which no registry need hold, are not. Never writes and never
 * throws for what a registry does: what could not be read is a finding.
 */
export async function verifyProduction(options: VerifyOptions): Promise<Verification> {
  const { reading, scope } = options;
  const desiredEdges = scope?.edges ?? edgesOf(options.manifests);
  const desired = desiredRepositories(desiredEdges);
  const run: VerificationRun = {
    documents: createDocumentCache(),
    examiner: createBlobExaminer(reading, options.listener),
    imagesOf: hostLimits(imagesAtOnce),
    wideImages: new WideImages(),
    lookAtSignatures: options.signatures && createSignatureLook(options.signatures),
    judged: [],
  };
  const counts = { images: 0, tags: 0 };
  let done = 0;
  const findings = await onEachHost(desired, repositoriesAtOnce, async (repository, questions) => {
    if (options.signal?.aborted) return notLookedAt(repository);
    const verifier = new RepositoryVerifier(() => options.open(repository.destination), run);
    const found = await verifier.verify(repository, questions);
    counts.images += repository.images.length;
    counts.tags += repository.images.reduce((sum, { tags }) => sum + tags.length, 0);
    done += 1;
    options.listener?.({ type: "progress", done, total: desired.length });
    return found;
  });
  const { looks, bytesRead } = run.examiner;
  const own = findings.flat();
  const all = [...own, ...(await missingBesideImages(options, desiredEdges, own, run))];
  return {
    format: "waybill-verification/1",
    ...(scope?.selection === undefined ? {} : { selection: scope.selection }),
    repositories: desired.length,
    ...counts,
    blobs: looks.whole + looks.firstByte + looks.asked,
    looks: { ...looks },
    sample: reading === undefined ? null : { percent: reading.percent, seed: reading.seed },
    bytesRead,
    ...(run.judged.length === 0 ? {} : { policies: gatherJudgements(run.judged) }),
    findings: all,
    interrupted: all.some(({ failure }) => isInterrupted(failure)),
  };
}

/** What images lack that are there: of others it is known already that they lack everything. */
async function missingBesideImages(
  { trust, signing, open, signal }: VerifyOptions,
  edges: EdgeSet,
  found: readonly Finding[],
  { documents }: VerificationRun,
): Promise<readonly Finding[]> {
  const placeOfImage = ({ destination, digest }: Finding): string => `${destination}@${digest}`;
  const unknown = new Set(
    found.filter(({ kind }) => kind === "missing-image" || kind === "unread").map(placeOfImage),
  );
  const judging = openJudging({ open, documents, trust });
  const question = { edges, open, documents, judging, trust, signal };
  const findings = await Promise.all([
    trust === undefined ? [] : attachmentFindings(question),
    signing === undefined ? [] : signingFindings({ ...question, signing }),
  ]);
  return findings.flat().filter((finding) => !unknown.has(placeOfImage(finding)));
}

interface VerificationRun {
  readonly documents: DocumentCache;
  readonly examiner: BlobExaminer;
  /** Lets so many images of a host be read at a time. */
  readonly imagesOf: (host: string) => LimitFunction;
  readonly wideImages: WideImages;
  readonly lookAtSignatures: ReturnType<typeof createSignatureLook> | undefined;
  readonly judged: JudgedAt[];
}

/** Looks at one production repository, at each of its blobs once, however many images share it. */
class RepositoryVerifier {
  readonly #open: () => Repository;
  readonly #run: VerificationRun;
  /** By digest and size. */
  readonly #blobs = new Map<string, Promise<BlobState>>();

  constructor(open: () => Repository, run: VerificationRun) {
    this.#open = open;
    this.#run = run;
  }

  async verify({ destination, images }: DesiredRepository, questions: Budget): Promise<readonly Finding[]> {
    const state = await readRepositoryState(this.#open, images, questions);
    const findings = await Promise.all(
      images.map(async (image) => [
        ...image.tags.flatMap(({ tag, at }) => {
          const reading = state.tags.get(tag) ?? { digest: undefined };
          return tagFindings(destination, image.digest, tag, at, reading);
        }),
        ...(await this.#closureFindings(destination, image, state.digests.get(image.digest))),
      ]),
    );
    return findings.flat();
  }

  async #closureFindings(
    destination: RepositoryName,
    image: DesiredImage,
    reading: TargetReading | undefined,
  ): Promise<readonly Finding[]> {
    const base = { destination, digest: image.digest, tag: null, ...asked(image.sources[0].at) };
    if (reading !== undefined && "failure" in reading) return [unread(base, reading.failure)];
    try {
      const read = await this.#run.imagesOf(splitRepository(destination).host)(() =>
        this.#read(base, destination),
      );
      if (read === undefined) return [{ ...base, kind: "missing-image", message: "the image is not there" }];
      const [states, vouched] = await Promise.all([
        Promise.all(read.blobs.map(async (blob) => ({ blob, state: await this.#examine(blob) }))),
        this.#signatureFindings(base, image),
      ]);
      return [...blobFindings(base, states), ...read.unlisted, ...vouched];
    } catch (error) {
      return [closureFailure(base, error)];
    }
  }

  async #signatureFindings(base: FindingBase, image: DesiredImage): Promise<readonly Finding[]> {
    const look = await this.#run.lookAtSignatures?.(base.destination, image);
    if (look?.judged !== undefined) this.#run.judged.push(look.judged);
    return (look?.findings ?? []).map((finding) => ({ ...base, ...finding }));
  }

  #examine(blob: Descriptor): Promise<BlobState> {
    const key = `${blob.digest} ${blob.size}`;
    const begun = this.#blobs.get(key) ?? this.#run.examiner.examine(this.#open(), blob);
    this.#blobs.set(key, begun);
    return begun;
  }

  /** What is kept of an image once its manifests have been read; `undefined` when it is not there. */
  async #read(
    base: FindingBase,
    destination: RepositoryName,
  ): Promise<{ readonly blobs: readonly Descriptor[]; readonly unlisted: readonly Finding[] } | undefined> {
    const repository = this.#open();
    const fetch = this.#run.documents.of(repository);
    if ((await fetch(base.digest)) === undefined) return undefined;
    const seat = this.#run.wideImages.seat();
    try {
      const graph = await placing(repository, readGraph(fetch, base.digest, destination, { seat }));
      const unlisted = await unlistedFindings(base, repository, graph);
      return { blobs: graph.blobs.filter(({ mediaType }) => !isForeignLayerType(mediaType)), unlisted };
    } finally {
      seat.leave();
    }
  }
}

/** Asks for no list unless something of the image is about another one. */
async function unlistedFindings(
  base: FindingBase,
  repository: Repository,
  { root, children }: ImageGraph,
): Promise<readonly Finding[]> {
  const referrers = [root, ...children].filter(({ content }) => content.subject !== undefined);
  const findings = referrers.map(async ({ document, content }): Promise<readonly Finding[]> => {
    try {
      if ((await repository.isListedReferrer?.(document)) !== false) return [];
    } catch (error) {
      return [unread(base, failureRecord(error))];
    }
    const { digest } = document.descriptor;
    const message = `the list of referrers of ${content.subject?.digest} lacks ${digest}`;
    return [{ ...base, kind: "unlisted-referrer", missing: digest, message }];
  });
  return (await Promise.all(findings)).flat();
}

type FindingBase = Pick<Finding, "destination" | "digest" | "tag" | "at" | "place">;

function asked(place: Place): Pick<Finding, "at" | "place"> {
  return { at: formatPlace(place), place };
}

function tagFindings(
  destination: RepositoryName,
  digest: Digest,
  tag: Tag,
  at: Place,
  reading: TargetReading,
): readonly Finding[] {
  const base: FindingBase = { destination, digest, tag, ...asked(at) };
  if ("failure" in reading) return [unread(base, reading.failure)];
  if (reading.digest === digest) return [];
  if (reading.digest === undefined)
    return [{ ...base, kind: "missing-tag", message: "the tag is not there" }];
  return [
    {
      ...base,
      kind: "tag-elsewhere",
      ...standing(reading),
      message: `the tag stands at ${reading.digest}, not at ${digest}`,
    },
  ];
}

function notLookedAt({ destination, images }: DesiredRepository): readonly Finding[] {
  return images.map(({ digest, sources }) =>
    unread({ destination, digest, tag: null, ...asked(sources[0].at) }, interruption),
  );
}

function unread(base: FindingBase, failure: FailureRecord): Finding {
  return { ...base, kind: "unread", message: `could not be read: ${failure.message}`, failure };
}

/** Failures of a registry that say what it holds; all others leave that unknown. */
const corruptions: ReadonlySet<string> = new Set([
  "digest-mismatch",
  "size-mismatch",
  "media-type-mismatch",
  "invalid-image-manifest",
  "ambiguous-image-manifest",
  "ambiguous-json",
  "too-large",
]);

function closureFailure(base: FindingBase, error: unknown): Finding {
  const failure = failureRecord(error);
  if (failure.code === "manifest-missing") {
    return { ...base, kind: "incomplete", message: failure.message, failure };
  }
  if (corruptions.has(failure.code)) return { ...base, kind: "corrupt", message: failure.message, failure };
  return unread(base, failure);
}

/** A finding for each blob that is missing or wrong, and one for all that could not be read. */
function blobFindings(
  base: FindingBase,
  states: readonly { readonly blob: Descriptor; readonly state: BlobState }[],
): readonly Finding[] {
  const unknown: FailureRecord[] = [];
  const findings = states.flatMap(({ blob: { digest, mediaType }, state }): readonly Finding[] => {
    if (state === "sound") return [];
    if (state === "absent" || state === "withheld") {
      const message =
        state === "absent"
          ? `the image lacks a blob that it refers to (${mediaType})`
          : `the registry says that it has a blob of the image (${mediaType}), and does not give it`;
      return [{ ...base, kind: "incomplete", missing: digest, message }];
    }
    const { failure } = state;
    if (corruptions.has(failure.code)) {
      return [{ ...base, kind: "corrupt", corrupt: digest, message: failure.message, failure }];
    }
    unknown.push(failure);
    return [];
  });
  const [first] = unknown;
  if (first === undefined) return findings;
  return [...findings, unread(base, first)];
}
