import type { FailureRecord } from "../errors/index.ts";
import type { Digest, Tag } from "../oci/index.ts";
import type { SignatureReading } from "../sigstore/index.ts";
import type { Attachment, AttachmentTree } from "./model.ts";
import { attachmentInWords, type StatementWords, statementInWords } from "./statement-words.ts";

/** A statement or signature, as it is told: what it is and says, and what came of verifying it. */
export type ToldReading = SignatureReading["signature"] &
  StatementWords & { readonly predicateType?: string };

/** What hangs on an image, as it is told: without contents that nobody would read. */
export interface ToldAttachment extends StatementWords {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly size: number;
  readonly subject: Digest;
  readonly way: Attachment["way"];
  readonly tag?: Tag | undefined;
  readonly format: Attachment["format"];
  readonly statements: readonly ToldReading[];
  readonly attachments: readonly ToldAttachment[];
  readonly failure?: FailureRecord | undefined;
}

/** {@link AttachmentTree}, as it is told. */
export interface ToldTree {
  readonly digest: Digest;
  readonly mediaType?: string | undefined;
  readonly attachments: readonly ToldAttachment[];
  readonly platforms: readonly (ToldTree & { readonly platform: string })[];
  readonly unread: readonly FailureRecord[];
}

/** A tree of attachments as plain data for people and programs: predicates, which may be megabytes, are a few facts there. */
export function toldTree({ root, attachments, platforms, unread }: AttachmentTree): ToldTree {
  return {
    digest: root.digest,
    mediaType: root.mediaType,
    attachments: attachments.map(toldAttachment),
    platforms: platforms.map(({ platform, tree }) => ({ platform, ...toldTree(tree) })),
    unread,
  };
}

function toldAttachment(attachment: Attachment): ToldAttachment {
  const { manifest, subject, way, tag, format, readings, attachments, failure } = attachment;
  const { digest, mediaType, artifactType, size } = manifest;
  return {
    ...attachmentInWords(attachment),
    ...{ digest, mediaType, artifactType, size, subject, way, tag, format },
    statements: readings.map(toldReading),
    attachments: attachments.map(toldAttachment),
    failure,
  };
}

function toldReading({ signature, statement }: SignatureReading): ToldReading {
  const words = statement === undefined ? { what: "signature", says: {} } : statementInWords(statement);
  return { ...words, ...signature, ...(statement && { predicateType: statement.predicateType }) };
}

/** All that is told of statements in a tree, and all that could not be read. */
export function allOf(tree: ToldTree): {
  readonly statements: readonly ToldReading[];
  readonly unread: readonly FailureRecord[];
} {
  const below = (attachments: readonly ToldAttachment[]): readonly ToldAttachment[] =>
    attachments.flatMap((each) => [each, ...below(each.attachments)]);
  const own = below(tree.attachments);
  const parts = tree.platforms.map(allOf);
  return {
    statements: [
      ...own.flatMap(({ statements }) => statements),
      ...parts.flatMap(({ statements }) => statements),
    ],
    unread: [
      ...tree.unread,
      ...own.flatMap(({ failure }) => failure ?? []),
      ...parts.flatMap(({ unread }) => unread),
    ],
  };
}
