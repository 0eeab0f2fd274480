import type { FailureRecord } from "../errors/index.ts";
import type { Evidence, EvidenceItem } from "../policy/index.ts";
import type { Attachment, AttachmentTree } from "./model.ts";

/**
 * What hangs on an image, as policies are told it: the statements about the image itself, and about each of its platforms. What
 * hangs on an attachment is about that, and vouches for no image. An attachment whose content was not read may be anything.
 */
export function evidenceOf(tree: AttachmentTree): Evidence {
  const { root, attachments, platforms, unread, annotations } = tree;
  return {
    digest: root.digest,
    items: attachments.flatMap(itemsOf),
    unread: [...unread, ...attachments.flatMap(unreadIn)],
    platforms: platforms.map(({ platform, tree: below }) => ({ platform, evidence: evidenceOf(below) })),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function itemsOf({ manifest, readings, tag }: Attachment): readonly EvidenceItem[] {
  return readings.map((reading) => ({ ...reading, manifest: manifest.digest, ...(tag && { tag }) }));
}

function unreadIn({ failure }: Attachment): readonly FailureRecord[] {
  return failure === undefined ? [] : [failure];
}
