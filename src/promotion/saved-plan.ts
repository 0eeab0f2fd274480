import { z } from "zod";
import { type Cause, WaybillError } from "../errors/index.ts";
import { isDigest, isTag, type RepositoryName, repositoryFault } from "../oci/index.ts";
import {
  isWork,
  type Plan,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepository,
  reasons,
  verdicts,
} from "./plan.ts";
import { planHash, sealPlan } from "./planning.ts";

/** Why a saved plan is not applied. */
export type SavedPlanErrorCode = "plan-unreadable" | "plan-altered" | "plan-outdated";

/** A saved plan that must not be applied as it is. */
export class SavedPlanError extends WaybillError<SavedPlanErrorCode> {
  override readonly name = "SavedPlanError";
}

const digest = z.string().refine(isDigest, { error: "is no digest" });
const tag = z.string().refine(isTag, { error: "is no tag" });
const repository = z.string().refine((text): text is RepositoryName => repositoryFault(text) === undefined, {
  error: "is no repository",
});
const failure = z.object({
  code: z.string(),
  message: z.string(),
  where: z.string().exactOptional(),
  hint: z.string().exactOptional(),
  host: z.string().exactOptional(),
});

const planSchema = z.object({
  format: z.literal("waybill-plan/1"),
  hash: digest,
  edgesHash: digest,
  since: z
    .object({
      commit: z.string().regex(/^[0-9a-f]{40,64}$/),
      unchanged: z.int().nonnegative(),
      removed: z.int().nonnegative(),
      unreadable: z.array(z.string()),
    })
    .exactOptional(),
  createdAt: z.iso.datetime(),
  repositories: z.array(
    z.object({
      destination: repository,
      empty: z.boolean(),
      missing: failure.exactOptional(),
      images: z.array(
        z.object({
          digest,
          project: z.string(),
          source: repository,
          at: z.string(),
          edges: z.array(
            z.object({
              tag: tag.nullable(),
              verdict: z.enum(verdicts),
              reason: z.enum(reasons),
              at: z.string(),
              current: digest.exactOptional(),
              currentType: z.string().exactOptional(),
              claims: z.array(z.object({ digest, at: z.string() })).exactOptional(),
              policy: z.string().exactOptional(),
              failure: failure.exactOptional(),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** The plan as text, one line a repository: large plans stay readable, and differences between two of them local. */
export function formatPlan(plan: Plan): string {
  return [...formatPlanInParts(plan)].join("");
}

/**
 * The same text in parts, a repository each: as a whole, that of a large plan is too much for one string.
 * @param causes What its problems come from, for those who read the text; they are no part of the plan.
 */
export function* formatPlanInParts(plan: Plan, causes?: readonly Cause[]): Generator<string> {
  const { repositories, ...rest } = plan;
  const head = causes === undefined ? rest : { ...rest, causes };
  yield `${JSON.stringify(head, undefined, 2).replace(/\n\}$/, "")},\n  "repositories": [`;
  for (const [index, repository] of repositories.entries()) {
    yield `${index === 0 ? "" : ","}\n    ${JSON.stringify(repository)}`;
  }
  yield repositories.length === 0 ? "]\n}\n" : "\n  ]\n}\n";
}

/**
 * Reads a plan that {@link formatPlan} wrote.
 * @throws {SavedPlanError} `plan-unreadable` for text that is no plan, `plan-altered` when its hash does not fit it.
 */
export function parsePlan(text: string, where: string): Plan {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SavedPlanError("plan-unreadable", "the saved plan is not JSON", { where, cause });
  }
  const parsed = planSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SavedPlanError(
      "plan-unreadable",
      `not a saved plan: ${issue?.path.join(".")}: ${issue?.message}`,
      {
        where,
        hint: "save one with: waybill plan DIR --out FILE",
      },
    );
  }
  const { repositories, edgesHash, hash, createdAt, since } = parsed.data;
  if (planHash(repositories, edgesHash) !== hash) {
    throw new SavedPlanError(
      "plan-altered",
      "the saved plan was changed after it was made: its hash does not fit",
      {
        where,
        hint: "make the plan again; plans are not meant to be edited",
      },
    );
  }
  return { ...sealPlan(repositories, edgesHash, since), createdAt };
}

/**
 * The current plan, cut down to what the saved one holds: an edge that could be done now but was not to be done then
 * is withheld. What has been done since stays `present`; what has become a conflict stays one.
 * @throws {SavedPlanError} `plan-outdated` when the edges are not those of the saved plan: the manifests have changed, or
 * the two were not limited alike.
 */
export function restrictPlan(current: Plan, saved: Plan, where: string): Plan {
  if (current.edgesHash !== saved.edgesHash) throw outdated(current, saved, where);
  const allowed = new Map<string, RepositoryName>();
  for (const { destination, images } of saved.repositories) {
    for (const image of images) {
      for (const edge of image.edges) {
        if (isWork(edge.verdict)) allowed.set(edgeKey(destination, image, edge.tag), image.source);
      }
    }
  }
  /** A tag is put on what is in production already, so where that once came from does not matter. */
  const isAllowed = ({ destination }: PlannedRepository, image: PlannedImage, edge: PlannedEdge): boolean => {
    const source = allowed.get(edgeKey(destination, image, edge.tag));
    return source !== undefined && (edge.verdict === "tag" || source === image.source);
  };
  const isWithheld = (repository: PlannedRepository, image: PlannedImage, edge: PlannedEdge): boolean =>
    isWork(edge.verdict) && !isAllowed(repository, image, edge);
  const repositories = current.repositories.map((repository): PlannedRepository => {
    const images = repository.images.map((image): PlannedImage => {
      if (!image.edges.some((edge) => isWithheld(repository, image, edge))) return image;
      const edges = image.edges.map(
        (edge): PlannedEdge =>
          isWithheld(repository, image, edge)
            ? { ...edge, verdict: "withheld", reason: "not-in-saved-plan" }
            : edge,
      );
      return { ...image, edges };
    });
    const isSame = images.every((image, index) => image === repository.images[index]);
    return isSame ? repository : { ...repository, images };
  });
  return { ...sealPlan(repositories, current.edgesHash, current.since), createdAt: current.createdAt };
}

/** The edges are not the same: other ones are asked for, or the plans were not limited alike. */
function outdated(current: Plan, saved: Plan, where: string): SavedPlanError {
  const hashes = `${saved.edgesHash} then, ${current.edgesHash} now`;
  if (current.since?.commit === saved.since?.commit) {
    const message = `the manifests' edges have changed since the plan was saved (${hashes})`;
    const hint = "review the change, then make and save the plan again";
    return new SavedPlanError("plan-outdated", message, { where, hint });
  }
  const scopeOf = ({ since }: Plan): string =>
    since === undefined ? "of all edges" : `of what changed since ${since.commit}`;
  return new SavedPlanError(
    "plan-outdated",
    `the saved plan is ${scopeOf(saved)}, and this is one ${scopeOf(current)}, which are other edges (${hashes})`,
    {
      where,
      hint:
        saved.since === undefined
          ? "leave out --since and --changed, as when it was made"
          : `say --since ${saved.since.commit}, as when it was made`,
    },
  );
}

function edgeKey(destination: string, image: PlannedImage, tag: string | null): string {
  return `${destination} ${image.digest} ${tag ?? "-"}`;
}
