import * as z from "zod/mini";
import { type Digest, digestSchema, type RepositoryName } from "../../oci/index.ts";
import {
  failureSchema as failure,
  type Immutable,
  placeSchema as place,
  policySchema as policy,
  repositorySchema as repository,
  tagSchema as tag,
} from "../plan-schemas.ts";
import type { EdgeDetails, SectionEdge } from "../section.ts";
import { reasonTable, verdictTable } from "../verdicts.ts";

/** The name of the section of signatures. */
export const signatureKind = "signatures";

/** What promotion signs of an image: that it was promoted by whom, how it came there, and what policies have said. */
export const signedKinds = ["signature", "record", "summary"] as const;
export type SignedKind = (typeof signedKinds)[number];

const plannedSignature = z.object({
  what: z.enum(signedKinds),
  /** How it is attached. */
  layout: z.enum(["bundle", "legacy"]),
  /** Who signs, as the settings call them. */
  signer: z.string(),
  verdict: z.enum(verdictTable.map(({ verdict }) => verdict)),
  reason: z.enum(reasonTable.map(({ reason }) => reason)),
  /** Of the line that asks for the image. */
  at: place,
  /** What is signed: the image itself, and images of an index. Empty of what is no work. */
  subjects: z.array(digestSchema),
  /** The policy that stands against signing what is there already. */
  policy: z.exactOptional(policy),
  failure: z.exactOptional(failure),
});

/** Reads an item of a saved plan: {@link PlannedSigning}. */
export const plannedSigning = z.object({
  /** In the order of their names: production repositories of which the same is to be said. */
  destinations: z.array(repository).check(z.minLength(1)),
  digest: digestSchema,
  project: z.string(),
  /** Where it comes from. */
  source: repository,
  /** All places that manifests name for it, where there are several: policies about any of them are about it. */
  alsoFrom: z.exactOptional(z.array(z.object({ source: repository, project: z.string() }))),
  /** It is not there yet: what is signed hangs on what is copied. */
  arrives: z.boolean(),
  /** Tags that it has there, or gets. */
  tags: z.array(tag),
  /** The name that signatures and records have for it. */
  identity: z.string(),
  /** Signatures have the name, because a rule says which; otherwise they hold wherever the digest is. */
  named: z.boolean(),
  /** No manifest is known to ask for it: its record does not say where it came from. */
  byName: z.exactOptional(z.boolean()),
  edges: z.array(plannedSignature),
});

/** One image in production repositories, and what of its signatures is not as asked. */
export type PlannedSigning = Immutable<z.infer<typeof plannedSigning>>;

/** One thing that is to be signed of an image. */
export type PlannedSignature = Immutable<z.infer<typeof plannedSignature>>;

/** One edge of the section of signatures. */
export interface SignatureEdge extends SectionEdge {
  readonly destination: RepositoryName;
  readonly image: PlannedSigning;
  readonly edge: PlannedSignature;
}

/** What reports say of a signature that they do not say of everything. */
export interface SignatureDetails extends EdgeDetails {
  readonly destination: RepositoryName;
  readonly digest: Digest;
  readonly what: SignedKind;
  readonly layout: "bundle" | "legacy";
  readonly signer: string;
  /** Images of an index that are signed beside it. */
  readonly platforms: number;
}
