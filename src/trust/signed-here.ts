import pLimit from "p-limit";
import * as z from "zod/mini";
import { phrase } from "../errors/index.ts";
import { cosignTag, type Descriptor, type Digest, formatReference, readImageContent } from "../oci/index.ts";
import { placeOf, RegistryError, type Repository, readSmallBlob } from "../registry/index.ts";
import { bundleMediaType, type SignerIdentity, summaryPredicate } from "../signing/index.ts";
import type { SignatureReading, SignatureVerifier, SignedBy } from "../sigstore/index.ts";

/** How signatures hang on an image: each as a referrer, or all of them under cosign's tags. */
export type SignatureLayout = "bundle" | "legacy";

/** A statement by one signer: in the older layout a signature has no predicate type. */
export interface SignedHere {
  readonly layout: SignatureLayout;
  /** `undefined` of what is under the tag `.sig`. */
  readonly predicateType: string | undefined;
  /** The name that it has for the image, where it has one. */
  readonly name: string | undefined;
  /** What a verification summary says, and when that was verified. */
  readonly summary?:
    | { readonly result: "PASSED" | "FAILED"; readonly levels: readonly string[]; readonly time: string }
    | undefined;
}

const summarySchema = z.object({
  verificationResult: z.enum(["PASSED", "FAILED"]),
  verifiedLevels: z.catch(z.array(z.string().check(z.maxLength(128))).check(z.maxLength(32)), []),
  timeVerified: z.string().check(z.maxLength(64)),
});

/** What is looked for on an image. */
export interface SignedQuestion {
  /** Whose statements count: others are nobody's here. */
  readonly identity: SignerIdentity;
  /** Has to know the signer's key, or the authorities of its certificates. */
  readonly verifier: SignatureVerifier;
  /** Predicate types of bundles; others are not read where a list of referrers tells them apart. */
  readonly bundles: readonly string[];
  /** Tags that are read. */
  readonly tags: readonly ("sig" | "att")[];
}

/** Referrers, and layers of one tag, that are looked at. */
const most = 1_000;
/** Bytes of one of them. */
const maxBytes = 4 * 1024 * 1024;
const atOnce = 8;

/**
 * What one signer has signed about an image, and what is verified to be by it. Takes a request for the list of referrers,
 * two for each bundle of a wanted type, and where tags are read one for each, and one for each of their layers.
 * @throws {RegistryError} for what could not be read, and for more than is looked at: that is not "none".
 */
export async function findSignedHere(
  repository: Repository,
  digest: Digest,
  question: SignedQuestion,
): Promise<readonly SignedHere[]> {
  const queue = pLimit(atOnce);
  const [bundles, ...tagged] = await Promise.all([
    question.bundles.length === 0 ? [] : inBundles(repository, digest, question, queue),
    ...question.tags.map((kind) => underTag(repository, digest, kind, question, queue)),
  ]);
  return [...(bundles ?? []), ...tagged.flat()];
}

type Queue = ReturnType<typeof pLimit>;

async function inBundles(
  repository: Repository,
  digest: Digest,
  { identity, verifier, bundles }: SignedQuestion,
  queue: Queue,
): Promise<readonly SignedHere[]> {
  const entries = await repository.referrers(digest, bundleMediaType);
  const wanted = entries.filter(({ annotations }) => {
    const type = annotations?.["dev.sigstore.bundle.predicateType"];
    return type === undefined || bundles.includes(type);
  });
  bound(repository, digest, wanted.length);
  const read = async (entry: Descriptor): Promise<readonly SignedHere[]> => {
    const document = await repository.fetch(entry.digest);
    if (document === undefined) return [];
    const content = readImageContent(document, formatReference(repository.name, entry.digest));
    // What a list says of a manifest counts only if the manifest says so, too.
    if (content.subject?.digest !== digest) return [];
    const [, layer] = content.blobs;
    // One that is larger than any of ours is not ours.
    if (layer === undefined || layer.size > maxBytes) return [];
    const bytes = await readSmallBlob(repository, layer, maxBytes);
    return signedBy(identity, "bundle", await verifier.bundle(bytes, digest));
  };
  return (await Promise.all(wanted.map((entry) => queue(() => read(entry))))).flat();
}

async function underTag(
  repository: Repository,
  digest: Digest,
  kind: "sig" | "att",
  { identity, verifier }: SignedQuestion,
  queue: Queue,
): Promise<readonly SignedHere[]> {
  const tag = cosignTag(digest, kind);
  const document = await repository.fetch(tag);
  if (document === undefined) return [];
  const [, ...layers] = readImageContent(document, formatReference(repository.name, tag)).blobs;
  bound(repository, digest, layers.length);
  // Signatures of one payload are the same blob, and differ in their annotations alone.
  const contents = new Map<Digest, Promise<Buffer>>();
  const read = async (layer: Descriptor): Promise<readonly SignedHere[]> => {
    if (layer.size > maxBytes) return [];
    const content = contents.get(layer.digest) ?? queue(() => readSmallBlob(repository, layer, maxBytes));
    contents.set(layer.digest, content);
    const { annotations = {} } = layer;
    const found =
      kind === "sig"
        ? await verifier.simpleSigning(await content, annotations, digest)
        : await verifier.envelope(await content, annotations, digest);
    return signedBy(identity, "legacy", found, kind === "sig");
  };
  return (await Promise.all(layers.map(read))).flat();
}

function signedBy(
  identity: SignerIdentity,
  layout: SignatureLayout,
  { signature, statement }: SignatureReading,
  isPlain = false,
): readonly SignedHere[] {
  if (signature.state !== "verified" || !isBy(identity, signature.by) || statement === undefined) return [];
  const { predicateType, predicate, subjects } = statement;
  const read = predicateType === summaryPredicate ? summarySchema.safeParse(predicate).data : undefined;
  const summary = read && {
    result: read.verificationResult,
    levels: read.verifiedLevels,
    time: read.timeVerified,
  };
  return subjects.map(({ name }) => {
    return { layout, predicateType: isPlain ? undefined : predicateType, name, ...(summary && { summary }) };
  });
}

/** Whether a verified signature is one that a signer makes. */
export function isBy(signer: SignerIdentity, by: SignedBy): boolean {
  if (signer.kind === "key") return by.kind === "key" && by.fingerprint === signer.fingerprint;
  return by.kind === "certificate" && by.identity === signer.identity && by.issuer === signer.issuer;
}

function bound(repository: Repository, digest: Digest, count: number): void {
  if (count <= most) return;
  throw new RegistryError(
    "too-large",
    phrase`${count} signatures and statements are attached to the image, and no more than ${most} are looked at`,
    {
      ...placeOf(repository),
      where: formatReference(repository.name, digest),
      hint: "whoever may push there may attach anything: look at what is attached, and clear it up",
    },
  );
}
