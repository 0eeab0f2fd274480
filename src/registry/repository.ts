import type { Readable } from "node:stream";
import { type FailurePlace, phrase, WaybillError } from "../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  formatReference,
  type HashCheckpoints,
  type ImageDocument,
  type RepositoryName,
  splitRepository,
  type Tag,
  type Target,
} from "../oci/index.ts";
import { RegistryError } from "./errors.ts";

/** A repository, as failures name what they are about. A folder is at no registry. */
export function placeOf({ name, host }: Pick<Repository, "name" | "host">): FailurePlace {
  return { registry: host === undefined ? undefined : splitRepository(name).host, repository: name };
}

/** Why a referrer does not count that is in the repository: what {@link RepositoryWriter.confirmReferrers} tells of it. */
export function notKeptInList(
  repository: Pick<Repository, "name" | "host">,
  referrer: Digest,
): RegistryError {
  const message = phrase`the list of referrers that ${referrer} belongs into did not keep it until the end of the run`;
  return new RegistryError("referrer-unconfirmed", message, {
    ...placeOf(repository),
    where: repository.name,
    hint: "somebody else writes that list: run again when nobody else attaches anything to this image",
  });
}

/** Work at a repository, whose failures say that they happened there where they do not say it themselves. */
export async function placing<Result>(
  repository: Pick<Repository, "name" | "host">,
  work: Promise<Result>,
): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof WaybillError ? error.placedAt(placeOf(repository)) : error;
  }
}

/**
 * A repository, remote or in a folder, as everybody above this room sees it. Every method checks what it hands out:
 * bytes are hashed against the digest asked for, sizes are bounded. Methods throw `RegistryError`; "absent" is an
 * answer (`undefined`, `false`), never an error, and "could not be read" is always an error, never an answer.
 */
export interface Repository extends RepositoryReader, RepositoryWriter {
  /** The name it was asked for by, before any `locations` of the settings: what reports show. */
  readonly name: RepositoryName;
  /**
   * Where it really is: `host/path`, or `oci:/folder`. Two repositories with the same address are the same one; two
   * with the same `host` can mount blobs from each other.
   */
  readonly address: string;
  /** `host[:port]` of a remote repository; `undefined` for a folder. */
  readonly host: string | undefined;
  /** Blobs can be mounted from it only once an image manifest in it refers to them. */
  readonly mountsOnlyCommitted?: boolean;
  /** Whether {@link RepositoryReader.list} is already known to answer with manifests, so that one call tells all. */
  readonly listsManifests?: boolean;
}

/** Reading. */
export interface RepositoryReader {
  /**
   * What the registry has said, when it was asked for something else, of a repository that is not there and that no push
   * creates; its hint says what does.
   */
  readonly missing?: RegistryError | undefined;
  /**
   * What a tag or digest stands for, whatever its media type, or `undefined` when the repository (or the name in it) does
   * not exist. One request for what is there; one more for what is not, because one answer proves no absence.
   */
  resolve(target: Target, options?: ResolveOptions): Promise<Descriptor | undefined>;
  /** A manifest or index, its bytes as stored. `undefined` when absent. */
  fetch(target: Target): Promise<ImageDocument | undefined>;
  /**
   * A blob's bytes. The stream fails, before it ends, when digest or size are not the descriptor's; one that is opened
   * in the middle still proves the whole. A connection that breaks is taken up again where it was.
   * @throws {RegistryError} `blob-missing` when the repository does not have it.
   */
  open(blob: Descriptor, options?: OpenOptions): Promise<Readable>;
  /**
   * Whether a blob can be had, by as little as that takes: one request, and one more where the answer is no.
   * @throws {RegistryError} `size-mismatch` when it has another size than its descriptor says.
   */
  probe(blob: Descriptor): Promise<BlobProbe>;
  /**
   * Everything the repository lists, in one call where it can, or `undefined` when there is no such repository.
   * @throws {RegistryError} `list-incomplete` for a list that is not known to be whole.
   */
  list(): Promise<Listing | undefined>;
  /**
   * Manifests whose subject is the digest: the referrers API or, where it is missing, the referrers tag.
   * @throws {RegistryError} when they cannot be read, and `too-large` when they are too many to look into.
   */
  referrers(subject: Digest, artifactType?: string): Promise<readonly Descriptor[]>;
  /**
   * Whether the list of its subject's referrers names a manifest that is there; true of one without a subject, for which
   * nothing is asked. Absent where no list can lack it, as in a folder, which makes it of what it holds.
   */
  isListedReferrer?(document: ImageDocument): Promise<boolean>;
}

/** How a manifest is put. */
export interface PutOptions {
  /**
   * {@link RepositoryWriter.confirmReferrers} is asked at the end of the run, and what it gives is heeded: a list of referrers
   * that was written is not waited for until it is known to have stayed.
   */
  readonly confirmsLater?: boolean;
}

/** Writing. */
export interface RepositoryWriter {
  /** Whether a blob is there, by its digest. One request. */
  has(blob: Descriptor): Promise<boolean>;
  /**
   * Brings a blob in: by mount when `mountFrom` names a repository of the same host that has it, otherwise by upload
   * of `content`, which is opened only then (and again for each new attempt). Nothing becomes visible before all
   * bytes have been hashed. An upload that breaks goes on where the registry says that it is.
   */
  push(blob: Descriptor, content: BlobContent, options?: PushOptions): Promise<PushOutcome>;
  /**
   * Puts a manifest or index under its digest and any number of tags. What it refers to must be there already. One with
   * a subject is put by its digest, then entered into the list of its subject's referrers, then tagged.
   * @throws {RegistryError} `referrers-tag-taken` when something else stands where that list belongs, and
   * `referrer-unconfirmed` when the list does not keep it.
   */
  put(document: ImageDocument, tags?: Tag | readonly Tag[], options?: PutOptions): Promise<void>;
  /**
   * Looks again at the lists of referrers that were written here, and mends them: a slower writer may have overwritten them
   * since. To be called at the end of a run. Absent where nobody can, as in a folder.
   * @returns Manifests that their lists lack for all that.
   */
  confirmReferrers?(): Promise<readonly Digest[]>;
  /**
   * Milliseconds after a write by which somebody else who had read before has written as well, by how slowly this registry has
   * answered so far: whoever reads, adds and writes looks again after as long. Absent where no registry says so, as in a folder.
   */
  readonly settling?: number;
  /**
   * Whether a push would be allowed, asked without writing anything, not even beginning an upload: the registry or its
   * token service refuses credentials that are there, or the token says what it allows. `undefined` when nobody says.
   * Absent where only a write tells, as in a folder.
   */
  mayPush?(): Promise<boolean | undefined>;
  /** Deletes a manifest by digest (with all its tags) or a tag alone. Promotion never calls it. */
  delete(target: Target): Promise<void>;
}

/** How it is asked what a tag or digest stands for. */
export interface ResolveOptions {
  /**
   * - `glance`: one request, whose `undefined` proves nothing: for those who ask on.
   * - `likely-absent`: it is asked for at once in the way that can say so, which takes one request for what is absent,
   *   and reads the manifest of what is there.
   */
  readonly mode?: "glance" | "likely-absent";
}

/**
 * - `read`: it is there, and its first byte was read.
 * - `said`: the repository says that it is there.
 * - `withheld`: the repository says that it is there, and does not give it.
 * - `absent`: it is not there.
 */
export type BlobProbe = "read" | "said" | "withheld" | "absent";

/** How a blob is opened. */
export interface OpenOptions {
  /** The first byte that is wanted; 0 when it is left out. */
  readonly from?: number;
  /** What is known of the blob's hash: with it, bytes before `from` need not be read again. */
  readonly checkpoints?: HashCheckpoints;
}

/**
 * The bytes of a blob for one attempt to upload it: all at once, or as a stream. Only those who give streams that
 * somebody {@link vouchFor vouches for}, such as {@link RepositoryReader.open} does, are asked for bytes `from` an
 * offset other than 0 on.
 */
export type BlobContent = (from: number) => Promise<Readable | Uint8Array>;

/** Ways to bring a blob in with fewer bytes or requests. */
export interface PushOptions {
  /** The content is small and given all at once: it may be sent with the very first request. */
  readonly inMemory?: boolean;
  /** A repository on the same host that holds the blob. */
  readonly mountFrom?: Repository | undefined;
  /** The registry says that it has the blob, and has not: it is not asked, but sent all bytes. */
  readonly anew?: boolean;
}

/** How a blob came in. */
export type PushOutcome = "mounted" | "pushed";

/** What a repository lists. */
export interface Listing {
  readonly tags: readonly Tag[];
  /**
   * Every manifest with its tags, where the registry says so (Google's listing extension, or a folder); otherwise
   * `undefined`, and tags have to be resolved one by one.
   */
  readonly manifests: ReadonlyMap<Digest, ListedManifest> | undefined;
  /** Names of repositories directly below this one, where the registry says so. */
  readonly children: readonly string[];
  /** How many names it lists beside these that are no tags or repositories: nothing can be asked for by them. */
  readonly misnamed?: number | undefined;
}

/** A manifest as a listing shows it. */
export interface ListedManifest {
  readonly tags: readonly Tag[];
  readonly mediaType: string | undefined;
  /** Bytes of the whole image, where known. */
  readonly imageSize: number | undefined;
  /** When it was pushed, where known. */
  readonly uploadedAt: Date | undefined;
}

/**
 * All bytes of a blob that is small: a config, a statement.
 * @param limit Bytes; a blob that says that it has more is not opened.
 * @throws {RegistryError} `too-large`, or when it cannot be read.
 */
export async function readSmallBlob(
  repository: Pick<Repository, "name" | "open">,
  blob: Descriptor,
  limit: number,
): Promise<Buffer> {
  if (blob.size > limit) {
    throw new RegistryError("too-large", phrase`a blob that is read as a whole has ${blob.size} bytes`, {
      where: formatReference(repository.name, blob.digest),
    });
  }
  return Buffer.concat(await (await repository.open(blob)).toArray());
}
