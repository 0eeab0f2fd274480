import { type FailureRecord, failureRecord } from "../errors/index.ts";
import { describeImage } from "../inspect/index.ts";
import { type Digest, formatReference, type RepositoryName } from "../oci/index.ts";
import { type EvidenceFile, namedSigners, type Policy } from "../policy/index.ts";
import type { Repository } from "../registry/index.ts";
import { openVerifier, type SignatureVerifier } from "../sigstore/index.ts";
import { readHanging } from "./hanging.ts";
import { createJudge } from "./judge.ts";
import { measureAttachments } from "./look.ts";
import type { AttachmentLimits } from "./look-limits.ts";
import type { AttachmentTree, ImageTrust } from "./model.ts";
import { openReadingRoom } from "./reading-room.ts";
import type { TravelRule } from "./travel.ts";

/** What {@link openTrust} works with. */
export interface TrustServices {
  readonly open: (repository: RepositoryName) => Repository;
  /** Without one, what is signed is `unverifiable`. */
  readonly verifier?: SignatureVerifier | undefined;
  /** Whether the verifier has a key or a trusted root: so when there is one, and this is left out. */
  readonly believesAnybody?: boolean | undefined;
  /** Fingerprints of the keys that the settings name: for all images, where keys in a policy are for its own. */
  readonly keys?: readonly string[] | undefined;
  /** Those that images are held against: none when left out. */
  readonly policies?: readonly Policy[] | undefined;
  /** Files that policies name, and what of these could not be read. */
  readonly reports?: readonly EvidenceFile[] | undefined;
  readonly unreadReports?: readonly FailureRecord[] | undefined;
  readonly limits?: Partial<AttachmentLimits> | undefined;
  /** What time it is; asked when an image is judged. */
  readonly now?: (() => Date) | undefined;
  /** Without one, no setting says what travels. */
  readonly travel?: TravelRule | undefined;
}

/** What hangs on an image, as it is kept for whoever asks next. */
interface Kept {
  tree?: Promise<AttachmentTree>;
  bytes: number;
}

/** Bytes of memory for statements and signatures that are kept, of all images together; what was looked at first is given up first. */
const maxKeptBytes = 256 * 1024 * 1024;
/** What a tree takes beside its statements, about. */
const treeBytes = 16 * 1024;

/**
 * What a run knows of trust. What hangs on an image is read once, whoever asks, unless so much was read since that it had to be
 * given up; the tags of a repository are listed once, and where a registry does not list them each is asked for.
 */
export function openTrust({
  open,
  verifier: given,
  believesAnybody = given !== undefined,
  keys = [],
  policies = [],
  reports = [],
  unreadReports = [],
  limits,
  now = () => new Date(),
  travel = () => undefined,
}: TrustServices): ImageTrust {
  const verifier = given ?? openVerifier({});
  const kept = new Map<string, Kept>();
  const listed = new Map<RepositoryName, Promise<ReadonlySet<string> | undefined>>();
  let keptBytes = 0;
  const room = openReadingRoom();

  const tagsOf = (repository: Repository): Promise<ReadonlySet<string> | undefined> => {
    const known = listed.get(repository.name) ?? listTags(repository);
    listed.set(repository.name, known);
    return known;
  };

  const read = async (name: RepositoryName, digest: Digest, entry: Kept): Promise<AttachmentTree> => {
    const repository = open(name);
    const tags = await tagsOf(repository);
    const { tree, bytes } = await measureAttachments(repository, digest, { verifier, limits, tags, room });
    // It may have been given up meanwhile.
    if (kept.get(formatReference(name, digest)) === entry) keptBytes += bytes;
    entry.bytes += bytes;
    for (const [key, oldest] of kept) {
      if (keptBytes <= maxKeptBytes) break;
      kept.delete(key);
      keptBytes -= oldest.bytes;
    }
    return tree;
  };

  const attachments: ImageTrust["attachments"] = (name, digest) => {
    const key = formatReference(name, digest);
    const known = kept.get(key);
    if (known?.tree !== undefined) return known.tree;
    const entry: Kept = { bytes: treeBytes };
    keptBytes += treeBytes;
    kept.set(key, entry);
    entry.tree = read(name, digest, entry).catch((error: unknown) => ({
      root: { digest },
      attachments: [],
      platforms: [],
      unread: [failureRecord(error)],
    }));
    return entry.tree;
  };

  const hanging: ImageTrust["hanging"] = async (repository, fetch, digest) =>
    readHanging(repository, fetch, digest, await tagsOf(repository));

  const platformOf = async (name: RepositoryName, digest: Digest): Promise<string | undefined> => {
    const image = await describeImage(open(name), digest);
    return image?.children.length === 0 ? image.platforms[0] : undefined;
  };
  const signers: ImageTrust["signers"] = (image) => {
    const { isDemanded, isNamed } = namedSigners(policies, image);
    return {
      isDemanded,
      isNamed: (by) => (by.kind === "key" && keys.includes(by.fingerprint)) || isNamed(by),
    };
  };

  const judge = createJudge({ policies, attachments, reports, unreadReports, now, platformOf });
  return { believesAnybody, travel, attachments, hanging, signers, ...judge };
}

/** `undefined` where nobody says which tags there are: then each is asked for. */
async function listTags(repository: Repository): Promise<ReadonlySet<string> | undefined> {
  try {
    return new Set((await repository.list())?.tags);
  } catch {
    return undefined;
  }
}
