import * as z from "zod/mini";
import { harmless } from "../../errors/index.ts";
import { digestSchema } from "../../oci/index.ts";
import { leftBehindReasons } from "../../trust/index.ts";
import type { Plan } from "../plan.ts";
import { failureSchema, type Immutable, placeSchema, repositorySchema, tagSchema } from "../plan-schemas.ts";
import type { EdgeDetails, SectionEdge } from "../section.ts";
import { reasonTable, verdictTable } from "../verdicts.ts";

/** The name of the section of what travels with images. */
export const referrersKind = "referrers";

const accompaniment = {
  /** Of the manifest or, under a tag of cosign's, of the layer; of the image where what hangs on it is not known. */
  digest: digestSchema,
  /** What it is about. */
  subject: digestSchema,
  /** Of cosign's, where it is a layer under it. */
  tag: z.exactOptional(tagSchema),
  /** What the layer is known by with its annotations: signatures of one payload differ in these alone. */
  layer: z.exactOptional(digestSchema),
  /** What it is and who signed it, in words. It is no part of the plan's identity: another machine may have other keys. */
  says: z.exactOptional(z.pipe(z.string().check(z.maxLength(4_000)), z.transform(harmless))),
};

const plannedCompanion = z.object({
  ...accompaniment,
  verdict: z.enum(verdictTable.map(({ verdict }) => verdict)),
  reason: z.enum(reasonTable.map(({ reason }) => reason)),
  /** Of the image that it travels with. */
  at: placeSchema,
  failure: z.exactOptional(failureSchema),
});

const plannedLeftBehind = z.object({ ...accompaniment, reason: z.enum(leftBehindReasons) });

/** Reads an item of a saved plan: {@link PlannedTravel}. */
export const plannedTravel = z.object({
  /** In the order of their names. */
  destinations: z.array(repositorySchema).check(z.minLength(1)),
  /** The image that it travels with. */
  image: digestSchema,
  source: repositorySchema,
  project: z.string(),
  companions: z.array(plannedCompanion),
  /** What hangs there, is not in production, and stays where it is. It is told: nothing is done about it. */
  left: z.exactOptional(z.array(plannedLeftBehind)),
});

/** What a plan says of what hangs on images, as far as production lacks it. */
export function plannedTravels({ sections }: Pick<Plan, "sections">): readonly PlannedTravel[] {
  return sections.flatMap(({ kind, items }) =>
    kind === referrersKind ? (items as readonly PlannedTravel[]) : [],
  );
}

/** What is to travel with one image to destinations that lack the same of it. */
export type PlannedTravel = Immutable<z.infer<typeof plannedTravel>>;

/** One thing that hangs on an image, and what is to become of it. */
export type PlannedCompanion = Immutable<z.infer<typeof plannedCompanion>>;

/** One thing that hangs on an image, and why it does not travel. */
export type PlannedLeftBehind = Immutable<z.infer<typeof plannedLeftBehind>>;

/** One companion at one destination. */
export interface CompanionEdge extends SectionEdge {
  readonly destination: PlannedTravel["destinations"][number];
  readonly travel: PlannedTravel;
  readonly edge: PlannedCompanion;
}

/** What reports say of a companion that they do not say of everything. */
export interface CompanionDetails extends EdgeDetails {
  readonly destination: PlannedTravel["destinations"][number];
  /** The image that it travels with. */
  readonly image: PlannedTravel["image"];
  readonly source: PlannedTravel["source"];
  readonly subject: PlannedCompanion["subject"];
  readonly tag?: PlannedCompanion["tag"];
  readonly layer?: PlannedCompanion["layer"];
  readonly says?: string | undefined;
}
