import { type FailureRecord, failureRecord, phrase } from "../errors/index.ts";
import type { Descriptor, Digest, ImageContent } from "../oci/index.ts";
import { type Repository, readSmallBlob } from "../registry/index.ts";
import type { SignatureReading, SignatureVerifier } from "../sigstore/index.ts";
import { attachedTypes, isBundleType, isInToto, sbomPredicate, statedPredicate } from "./formats.ts";
import { tooMuch } from "./look-faults.ts";
import type { Attachment, AttachmentFormat } from "./model.ts";
import { enclosureOf, isAbout, jsonOf, statementIn } from "./statement.ts";

/** What is read of the contents of all that hangs on an image, in bytes. */
export interface ContentBudget {
  /** Of one statement or signature. */
  readonly one: number;
  /** Statements and signatures of one manifest. */
  readonly layers: number;
  /** Of all that is left. */
  left: number;
}

/** Where contents are read from: a repository, whose requests somebody paces. */
export type ContentSource = Pick<Repository, "name" | "host" | "open">;

interface Contents {
  readonly readings: readonly SignatureReading[];
  readonly failure?: FailureRecord | undefined;
}

/** What is to be read of a layer, and how; `undefined` where its descriptor says all. */
type Reader = (bytes: Buffer) => Promise<SignatureReading> | SignatureReading;

/**
 * What a manifest that hangs on an image says, one reading for each of its statements or signatures, in their order. Lists of
 * an image's parts that nobody signed are not fetched: their type says all that can be known of them. Never throws; what could
 * not be read, or is more than is read, is the failure.
 */
export async function readContents(
  source: ContentSource,
  manifest: Descriptor,
  content: ImageContent,
  { format, subject }: { readonly format: AttachmentFormat; readonly subject: Digest },
  verifier: SignatureVerifier,
  budget: ContentBudget,
): Promise<Contents> {
  const readings: SignatureReading[] = [];
  let failure: FailureRecord | undefined;
  const layers = content.blobs.slice(1).flatMap((layer) => {
    const told = toldOf(layer, format);
    const read = told === undefined ? readerOf(layer, format, subject, verifier) : undefined;
    return told === undefined && read === undefined ? [] : [{ layer, told, read }];
  });
  if (layers.length > budget.layers) {
    failure = tooMuch(
      source,
      manifest.digest,
      phrase`it has ${layers.length} statements or signatures, of which ${budget.layers} are read`,
    );
  }
  for (const { layer, told, read } of layers.slice(0, budget.layers)) {
    if (told !== undefined) readings.push(told);
    if (read === undefined) continue;
    if (layer.size > budget.one || layer.size > budget.left) {
      failure ??= tooMuch(
        source,
        manifest.digest,
        phrase`what it holds has ${layer.size} bytes, which is more than is read`,
      );
      continue;
    }
    budget.left -= layer.size;
    try {
      readings.push(await read(await readSmallBlob(source, layer, budget.one)));
    } catch (error) {
      failure ??= failureRecord(error);
    }
  }
  return { readings, failure };
}

/** What an image says of itself in its own layers: the provenance of a chart. It is not read: nobody verifies PGP here. */
export function signedInLayers(root: Descriptor, content: ImageContent): readonly Attachment[] {
  const signed = content.blobs.filter(({ mediaType }) => mediaType === attachedTypes.helmProvenance);
  if (signed.length === 0) return [];
  const why = "the provenance of a chart is signed with PGP, which is not verified here";
  const readings = signed.map(
    () => ({ signature: { state: "unverifiable", why, lacks: "format" } }) as const,
  );
  const { digest: subject } = root;
  return [{ manifest: root, subject, way: "layer", format: "helm-provenance", readings, attachments: [] }];
}

/** What can be said of a layer without reading it. */
function toldOf(layer: Descriptor, format: AttachmentFormat): SignatureReading | undefined {
  if (format === "notation") {
    return {
      signature: {
        state: "unverifiable",
        why: "signatures of Notation are not verified here",
        lacks: "format",
      },
    };
  }
  const stated = isInToto(layer.mediaType) ? statedPredicate(layer) : undefined;
  const isPartsList = stated !== undefined && /^https:\/\/(?:spdx\.dev|cyclonedx\.org)\b/.test(stated);
  // BuildKit signs nothing.
  const predicateType =
    sbomPredicate(layer.mediaType) ?? (format === "buildkit-attestation" && isPartsList ? stated : undefined);
  if (predicateType === undefined) return undefined;
  return {
    signature: { state: "unsigned" },
    statement: { predicateType, predicate: undefined, subjects: [] },
  };
}

function readerOf(
  layer: Descriptor,
  format: AttachmentFormat,
  subject: Digest,
  verifier: SignatureVerifier,
): Reader | undefined {
  const { mediaType, annotations = {} } = layer;
  if (isBundleType(mediaType)) return (bytes) => verifier.bundle(bytes, subject);
  if (mediaType === attachedTypes.simpleSigning) {
    return (bytes) => verifier.simpleSigning(bytes, annotations, subject);
  }
  if (mediaType === attachedTypes.envelope) return (bytes) => verifier.envelope(bytes, annotations, subject);
  if (!isInToto(mediaType) && format !== "in-toto") return undefined;
  return (bytes) => {
    const json = jsonOf(bytes);
    const enclosure = enclosureOf(json);
    if (enclosure === "bundle") return verifier.bundle(bytes, subject);
    if (enclosure === "envelope") return verifier.envelope(bytes, annotations, subject);
    const statement = statementIn(json);
    if (statement === undefined) {
      return { signature: { state: "failed", why: "it is no statement of in-toto that can be read" } };
    }
    return isAbout(statement, subject)
      ? { signature: { state: "unsigned" }, statement }
      : { signature: { state: "failed", why: "it is about something else" }, statement };
  };
}
