import { outsideWord, printable } from "../diagnostics/index.ts";
import { type Provenance, provenanceOf } from "../provenance/index.ts";
import type { SignedBy } from "../sigstore/index.ts";
import type { AttachmentTree } from "./model.ts";

/** Provenance whose signature was verified. Whether the signer may build the image is for policies to say. */
export interface VouchedProvenance {
  readonly provenance: Provenance;
  readonly by: SignedBy;
}

/**
 * Provenance of an image, signed by somebody whom the settings or a policy believe: all that is about the image itself, then all
 * that is about its platforms. What nobody signed, and what is signed by a stranger, is not among it.
 */
export function vouchedProvenance({
  root,
  attachments,
  platforms,
}: AttachmentTree): readonly VouchedProvenance[] {
  const here = attachments.flatMap(({ readings }) =>
    readings.flatMap(({ signature, statement }): VouchedProvenance[] => {
      if (signature.state !== "verified" || statement === undefined) return [];
      const { predicateType, predicate, subjects: subject } = statement;
      const provenance = provenanceOf({ predicateType, predicate, subject }, [root.digest]);
      return provenance === undefined ? [] : [{ provenance, by: signature.by }];
    }),
  );
  return [...here, ...platforms.flatMap(({ tree }) => vouchedProvenance(tree))];
}

/** Who signed something, in words: `the key release`, or an identity, as it may be printed. */
export function signerInWords(by: SignedBy): string {
  return by.kind === "key" ? `the key ${printable(by.name ?? by.fingerprint)}` : outsideWord(by.identity);
}
