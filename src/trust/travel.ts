import { outsideWord, printable } from "../diagnostics/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Digest, Tag } from "../oci/index.ts";
import type { AcceptedStatement } from "../policy/index.ts";
import type { Repository } from "../registry/index.ts";
import type { AttachmentKind, TravelSetting, TrustSettings } from "../settings/index.ts";
import type { SignatureReading } from "../sigstore/index.ts";
import { layerIdentity, layersOf } from "./cosign-tags.ts";
import type { Hanging } from "./hanging.ts";
import { changedSince } from "./look-faults.ts";
import type { Attachment, AttachmentTree } from "./model.ts";
import { signerInWords } from "./vouched-provenance.ts";

/**
 * What travels with the images of a project: what a setting says or, where none does, what policies accept where one requires
 * something, and all that hangs there where none does. Without a setting only images that are brought somewhere are looked at.
 */
export type TravelRule = (project: string) => TravelSetting | undefined;

/** The rule that settings come to. */
export function travelRule({
  travel,
  projects = {},
}: Pick<TrustSettings, "travel" | "projects">): TravelRule {
  const byProject = new Map(Object.entries(projects));
  return (project) => byProject.get(project) ?? travel;
}

/** Something that hangs on an image and is brought by itself: a manifest, or one layer under a tag of cosign's. */
export interface Accompaniment {
  /** Of the manifest, or of the layer. */
  readonly digest: Digest;
  /** What it is about. */
  readonly subject: Digest;
  /** Where it is a layer: the tag that it is under. */
  readonly tag?: Tag;
  /** Where it is a layer: its {@link layerIdentity}. */
  readonly layer?: Digest;
  /** What it is and who signed it, in words: one line of bounded length, without characters that steer a terminal. */
  readonly says?: string;
}

/** What a companion is known by among those of an image. */
export function companionKey({ digest, tag, layer }: Accompaniment): string {
  return tag === undefined ? digest : `${tag} ${layer}`;
}

/** All that hangs on an image, as far as lists and tags say it. */
export function companionsOf({ manifests, tags }: Hanging): readonly Accompaniment[] {
  return [
    ...manifests.map(({ manifest: { digest }, subject }) => ({ digest, subject })),
    ...tags.flatMap(({ tag, subject, document }) =>
      layersOf(document).map((layer) => ({
        digest: layer.digest,
        subject,
        tag,
        layer: layerIdentity(layer),
      })),
    ),
  ];
}

/** What of that which hangs on an image may travel: all of it, kinds of it, or what policies have accepted. */
export type Admission =
  | "all"
  | readonly AttachmentKind[]
  | { readonly accepted: readonly AcceptedStatement[] };

/**
 * Why something stays behind: no policy accepts it, it is of a kind that a setting leaves behind, or what it is about stays
 * behind.
 */
export const leftBehindReasons = ["not-accepted", "other-kind", "subject-left"] as const;

/** Something that hangs on an image and does not travel with it. */
export interface LeftBehind extends Accompaniment {
  readonly reason: (typeof leftBehindReasons)[number];
}

/** What travels with an image, and why more might have to: what of that could not be read. */
export interface Travelling {
  readonly companions: readonly Accompaniment[];
  /** What was read, and is not to travel. */
  readonly left: readonly LeftBehind[];
  readonly unread: readonly FailureRecord[];
}

/**
 * What travels of that which hangs on an image. What is about something that does not travel stays with it; so does what names
 * another subject than that in whose list it is: it is not in the tree.
 * @param tree What was read of it, for what it is and who signed it.
 * @param from Where it hangs.
 */
export function travelling(
  hanging: Hanging,
  tree: AttachmentTree,
  admission: Admission,
  from: Pick<Repository, "name" | "host">,
): Travelling {
  const read = readAttachmentsIn(tree);
  const isAccepted = acceptance(admission);
  const stays = new Set<Digest>();
  const unread = [...hanging.unread, ...unreadIn(tree)];
  const left: LeftBehind[] = [];
  const refused = isAccepted === undefined ? "other-kind" : "not-accepted";
  /** Nobody knows whether what could not be read would be accepted; for other rules it is enough to know what it is. */
  const tellUnread = ({ failure }: Attachment): boolean => {
    if (isAccepted === undefined || failure === undefined) return false;
    unread.push(failure);
    return true;
  };
  const manifests = hanging.manifests.flatMap(({ manifest: { digest }, subject }): Accompaniment[] => {
    const attachment = read.manifests.get(digest);
    if (attachment === undefined) {
      stays.add(digest);
      return [];
    }
    const companion = { digest, subject, says: inWords(attachment, attachment.readings) };
    if (stays.has(subject)) left.push({ ...companion, reason: "subject-left" });
    else {
      const isUnread = tellUnread(attachment);
      if (isAdmitted(attachment, admission, isAccepted) && isWhole(attachment, isAccepted))
        return [companion];
      if (!isUnread) left.push({ ...companion, reason: refused });
    }
    stays.add(digest);
    return [];
  });
  const layers = hanging.tags.flatMap(({ tag, subject, document }) => {
    const attachment = read.tags.get(tag);
    if (attachment === undefined) return [];
    const all = layersOf(document).map((descriptor): Accompaniment => {
      const layer = layerIdentity(descriptor);
      const readings = attachment.readings.filter((reading) => reading.layer === layer);
      return { digest: descriptor.digest, subject, tag, layer, says: inWords(attachment, readings) };
    });
    if (stays.has(subject)) {
      left.push(...all.map((layer) => ({ ...layer, reason: "subject-left" as const })));
      return [];
    }
    // Others write these tags meanwhile: what is said of one manifest is not true of another.
    if (admission !== "all" && attachment.manifest.digest !== document.descriptor.digest) {
      unread.push(changedSince(from, tag));
      return [];
    }
    const isUnread = tellUnread(attachment);
    const isGoing = ({ layer }: Accompaniment): boolean =>
      isAdmitted(attachment, admission, isAccepted) &&
      (layer === undefined || (isAccepted?.(attachment, layer) ?? true));
    const going = all.filter(isGoing);
    const staying = all.filter((layer) => !isGoing(layer));
    if (!isUnread) left.push(...staying.map((layer) => ({ ...layer, reason: refused }) as const));
    const more =
      staying.length === 0 ? "" : `; of ${all.length} layers under the tag, ${staying.length} left behind`;
    return going.map((layer) => ({ ...layer, says: `${layer.says}${more}` }));
  });
  return { companions: [...manifests, ...layers], left, unread };
}

/** A manifest goes as it is, and so with all that is in it: where a policy is asked, it has accepted each layer. */
function isWhole(attachment: Attachment, isAccepted: IsAccepted | undefined): boolean {
  return attachment.layers.every((layer) => isAccepted?.(attachment, layer) ?? true);
}

/** Whether a policy has accepted a layer of an attachment; `undefined` where none is asked. */
type IsAccepted = (attachment: Attachment, layer: Digest) => boolean;

function acceptance(admission: Admission): IsAccepted | undefined {
  if (typeof admission !== "object" || !("accepted" in admission)) return undefined;
  const accepted = new Set(admission.accepted.map(({ manifest, layer }) => `${manifest} ${layer}`));
  return ({ manifest }, layer) => accepted.has(`${manifest.digest} ${layer}`);
}

function isAdmitted(
  attachment: Attachment,
  admission: Admission,
  isAccepted: IsAccepted | undefined,
): boolean {
  if (admission === "all") return true;
  if ("accepted" in admission)
    return attachment.readings.some(({ layer }) => isAccepted?.(attachment, layer) === true);
  return kindsOf(attachment).some((kind) => admission.includes(kind));
}

/** What a setting calls it: an SBOM that is signed is an attestation as well. */
function kindsOf({ format, readings }: Attachment): readonly AttachmentKind[] {
  const predicates = readings.map(({ statement }) => statement?.predicateType ?? "");
  const sboms: readonly AttachmentKind[] = predicates.some(isSbomPredicate) ? ["sboms"] : [];
  switch (format) {
    case "cosign-signature":
    case "notation":
      return ["signatures"];
    case "sigstore-bundle":
      return predicates.every((type) => type === signaturePredicate)
        ? ["signatures"]
        : ["attestations", ...sboms];
    case "cosign-attestation":
    case "buildkit-attestation":
    case "in-toto":
      return ["attestations", ...sboms];
    case "cosign-sbom":
    case "sbom":
      return ["sboms"];
    default:
      return ["others"];
  }
}

/** What cosign's signatures state since they are bundles. */
const signaturePredicate = "https://sigstore.dev/cosign/sign/v1";

function isSbomPredicate(type: string): boolean {
  return /^https:\/\/(?:spdx\.dev\/Document|cyclonedx\.org\/bom|syft\.dev\/bom)/.test(type);
}

/** What an attachment is, and who signed it. Types, identities and faults are text from outside: each is bounded by itself. */
function inWords({ format, failure }: Attachment, readings: readonly SignatureReading[]): string {
  const [reading] = readings;
  const type = reading?.statement?.predicateType;
  const what =
    type === undefined || type === signaturePredicate
      ? names[format]
      : `${names[format]} of ${outsideWord(type)}`;
  if (reading === undefined)
    return failure === undefined ? what : `${what}, not read: ${printable(failure.message)}`;
  return `${what}, ${signedBy(reading)}`;
}

const names: Readonly<Record<Attachment["format"], string>> = {
  "sigstore-bundle": "Sigstore bundle",
  "cosign-signature": "cosign signature",
  "cosign-attestation": "cosign attestation",
  "cosign-sbom": "SBOM",
  notation: "Notation signature",
  "buildkit-attestation": "BuildKit attestation",
  "in-toto": "in-toto statement",
  sbom: "SBOM",
  "helm-provenance": "Helm provenance",
  unknown: "artifact",
};

function signedBy({ signature }: SignatureReading): string {
  switch (signature.state) {
    case "verified":
      return `signed by ${signerInWords(signature.by)}`;
    case "unsigned":
      return "unsigned";
    case "unverifiable":
      return "signed, not verifiable here";
    case "failed":
      return `its signature failed: ${printable(signature.why)}`;
  }
}

/** All that a tree has, by what it is known by. */
function readAttachmentsIn(tree: AttachmentTree): {
  readonly manifests: ReadonlyMap<Digest, Attachment>;
  readonly tags: ReadonlyMap<Tag, Attachment>;
} {
  const manifests = new Map<Digest, Attachment>();
  const tags = new Map<Tag, Attachment>();
  const take = (attachment: Attachment): void => {
    if (attachment.tag !== undefined) tags.set(attachment.tag, attachment);
    else manifests.set(attachment.manifest.digest, attachment);
    for (const each of attachment.attachments) take(each);
  };
  const walk = ({ attachments, platforms }: AttachmentTree): void => {
    for (const attachment of attachments) take(attachment);
    for (const { tree } of platforms) walk(tree);
  };
  walk(tree);
  return { manifests, tags };
}

/** What could not be read anywhere in a tree. */
function unreadIn({ unread, platforms }: AttachmentTree): AttachmentTree["unread"] {
  return [...unread, ...platforms.flatMap(({ tree }) => unreadIn(tree))];
}
