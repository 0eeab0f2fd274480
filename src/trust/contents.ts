import * as z from "zod/mini";
import { type FailureRecord, failureRecord, phrase } from "../errors/index.ts";
import { type Descriptor, type Digest, digestOf, type ImageContent, jsonIn } from "../oci/index.ts";
import { type Repository, readSmallBlob } from "../registry/index.ts";
import type { SignatureReading, SignatureVerifier } from "../sigstore/index.ts";
import { layerIdentity } from "./cosign-tags.ts";
import {
  attachedTypes,
  isBundleType,
  isInToto,
  isPartsList,
  sbomPredicate,
  statedPredicate,
} from "./formats.ts";
import { tooMuch } from "./look-faults.ts";
import type { AttachedReading, Attachment, AttachmentFormat } from "./model.ts";
import type { ReadingRoom } from "./reading-room.ts";
import { enclosureOf, isAbout, statementIn, unvouchedJson } from "./statement.ts";
import { memoryOf } from "./statement-memory.ts";

/** What is read of the contents of all that hangs on an image, in bytes. */
export interface ContentBudget {
  /** Of one statement or signature. */
  readonly one: number;
  /** Statements and signatures of one manifest. */
  readonly layers: number;
  /** Of all that is left. */
  left: number;
  /** Bytes of memory that are left for what verified statements say. */
  verified: number;
  /** The same for what others say. */
  others: number;
  /** The room in memory that contents are read and parsed in, one for all images of a run. */
  readonly room: ReadingRoom;
}

/** Where contents are read from: a repository, whose requests somebody paces. */
export type ContentSource = Pick<Repository, "name" | "host" | "open">;

interface Contents {
  readonly readings: readonly AttachedReading[];
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
  const readings: AttachedReading[] = [];
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
  const fault = format === "sigstore-bundle" ? bundleFault(content) : undefined;
  for (const { layer, told, read } of layers.slice(0, budget.layers)) {
    if (told !== undefined) readings.push({ ...told, layer: layerIdentity(layer) });
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
    const work = async () => {
      const bytes = await readSmallBlob(source, layer, budget.one);
      const told = await read(bytes);
      const isVerified = told.signature.state === "verified";
      return { ...told, content: isVerified ? contentDigest(layer, bytes) : undefined };
    };
    try {
      const { content: signed, ...reading } = await budget.room(layer.size, work);
      const signature = fault === undefined ? reading.signature : ({ state: "failed", why: fault } as const);
      const kept = withinMemory({ ...reading, signature }, budget);
      if (kept !== undefined)
        readings.push({ ...kept, layer: layerIdentity(layer), ...(signed && { content: signed }) });
      else
        failure ??= tooMuch(
          source,
          manifest.digest,
          phrase`what it holds takes more memory than there is for what hangs on one image`,
        );
    } catch (error) {
      failure ??= failureRecord(error);
    }
  }
  return { readings, failure };
}

const envelopeSchema = z.object({ payload: z.string() });

/** The digest of what was signed: clients may pack the same payload into other envelopes. */
function contentDigest({ mediaType, digest }: Descriptor, bytes: Buffer): Digest {
  if (mediaType !== attachedTypes.envelope) return digest;
  const envelope = envelopeSchema.safeParse(jsonIn(bytes.toString("utf8"))).data;
  return envelope === undefined ? digest : digestOf(Buffer.from(envelope.payload, "base64"));
}

/** Bytes of memory that a list of an image's parts may take. One that is a VEX document as well is far below. */
const partsListBytes = 1024 * 1024;

/**
 * A reading with what there is room to keep. Of what is not verified, and of long lists of an image's parts, policies ask no more
 * than their type, so that the rest of it may go. `undefined` for what cannot be kept, or was not read for want of room.
 */
function withinMemory(reading: SignatureReading, budget: ContentBudget): SignatureReading | undefined {
  const { signature, statement } = reading;
  if (signature.state === "unverifiable" && signature.lacks === "room") return undefined;
  if (statement === undefined) return reading;
  const { predicateType } = statement;
  const room = signature.state === "verified" ? "verified" : "others";
  const isParts = isPartsList(predicateType);
  const most = isParts ? Math.min(budget[room], partsListBytes) : budget[room];
  const bytes = memoryOf([statement.predicate, statement.subjects], most);
  if (bytes <= most) {
    budget[room] -= bytes;
    return reading;
  }
  if (room === "verified" && !isParts) return undefined;
  return { signature, statement: { predicateType, predicate: undefined, subjects: [] } };
}

/**
 * Why a manifest is not that of one bundle and nothing else. Clients read its first layer, whatever else is in it: a bundle that
 * stands beside something vouches for nothing.
 */
function bundleFault({ blobs: [config, ...layers] }: ImageContent): string | undefined {
  if (layers.length !== 1) return `its manifest holds ${layers.length} layers, and not one bundle alone`;
  return config?.digest === emptyConfig ? undefined : "its manifest holds a config beside the bundle";
}

/** `{}`, which stands where there is no config (OCI image specification, "Guidance for an Empty Descriptor"). */
const emptyConfig: string = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** What an image says of itself in its own layers: the provenance of a chart. It is not read: nobody verifies PGP here. */
export function signedInLayers(root: Descriptor, content: ImageContent): readonly Attachment[] {
  const signed = content.blobs.filter(({ mediaType }) => mediaType === attachedTypes.helmProvenance);
  if (signed.length === 0) return [];
  const why = "the provenance of a chart is signed with PGP, which is not verified here";
  const readings = signed.map(
    (layer) =>
      ({ signature: { state: "unverifiable", why, lacks: "format" }, layer: layerIdentity(layer) }) as const,
  );
  const { digest: subject } = root;
  const layers = content.blobs.slice(1).map(layerIdentity);
  return [
    { manifest: root, subject, way: "layer", format: "helm-provenance", layers, readings, attachments: [] },
  ];
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
  const isParts = stated !== undefined && isPartsList(stated);
  // BuildKit signs nothing.
  const predicateType =
    sbomPredicate(layer.mediaType) ?? (format === "buildkit-attestation" && isParts ? stated : undefined);
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
    const json = unvouchedJson(bytes);
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
