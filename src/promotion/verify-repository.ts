import type { LimitFunction } from "p-limit";
import {
  type Budget,
  type DocumentCache,
  type ImageGraph,
  readGraph,
  type WideImages,
} from "../copy/index.ts";
import { formatPlace, type Place } from "../diagnostics/index.ts";
import type { DesiredImage, DesiredRepository } from "../edges/index.ts";
import { type FailureRecord, failureRecord } from "../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  isForeignLayerType,
  type RepositoryName,
  splitRepository,
  type Tag,
} from "../oci/index.ts";
import { placing, type Repository } from "../registry/index.ts";
import { standing } from "./decide.ts";
import type { Finding } from "./finding.ts";
import { interruption } from "./interruption.ts";
import { readRepositoryState, type TargetReading } from "./inventory.ts";
import type { JudgedAt } from "./policies.ts";
import type { BlobExaminer, BlobState } from "./verify-blobs.ts";
import type { createSignatureLook } from "./verify-signatures.ts";

/** What all repositories of one verification share. */
export interface VerificationRun {
  readonly documents: DocumentCache;
  readonly examiner: BlobExaminer;
  /** Lets so many images of a host be read at a time. */
  readonly imagesOf: (host: string) => LimitFunction;
  readonly wideImages: WideImages;
  /** Whether a policy may stand against an image, so that promoting does not put it there. Asks nobody. */
  readonly isUnderPolicy: (destination: RepositoryName, image: DesiredImage) => boolean;
  readonly lookAtSignatures: ReturnType<typeof createSignatureLook> | undefined;
  /** What policies say, gathered while it runs. */
  readonly judged: JudgedAt[];
}

/** Looks at one production repository, at each of its blobs once, however many images share it. */
export class RepositoryVerifier {
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
          return tagFindings(destination, image.digest, tag, at, reading).map((finding) =>
            finding.kind === "missing-tag" ? this.#underPolicies(finding, image) : finding,
          );
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
      if (read === undefined) {
        const message = "the image is not there";
        return [this.#underPolicies({ ...base, kind: "missing-image", message }, image)];
      }
      const [states, vouched] = await Promise.all([
        Promise.all(read.blobs.map(async (blob) => ({ blob, state: await this.#examine(blob) }))),
        this.#signatureFindings(base, image),
      ]);
      return [...blobFindings(base, states), ...read.unlisted, ...vouched];
    } catch (error) {
      return [closureFailure(base, error)];
    }
  }

  /** Something that is missing: policies may stand against promoting it. */
  #underPolicies(finding: Finding, image: DesiredImage): Finding {
    if (!this.#run.isUnderPolicy(finding.destination, image)) return finding;
    const hint =
      "policies are about it: waybill plan TREE says whether one stands against it, and what to do";
    return { ...finding, hint };
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

/** Stands for what is found of images that nobody looked at any more. */
export function notLookedAt({ destination, images }: DesiredRepository): readonly Finding[] {
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
