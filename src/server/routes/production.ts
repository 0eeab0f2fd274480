import { type OpenAPIHono, z } from "@hono/zod-openapi";
import {
  type AskedImage,
  type BadHealth,
  badHealths,
  type DriftPlace,
  driftPlace,
  listAskedImages,
  listDrift,
  listProjects,
  listTrees,
  type ProductionCell,
  type ProductionProject,
  type ProductionTree,
  productionHistory,
  type ShownTrouble,
  type TroubleCounts,
} from "../../production/index.ts";
import { demand } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { addList } from "../lists/list.ts";
import { afterPlace, pageOfNamed, pageOfRows, placeText } from "../lists/page.ts";
import { type LookInterval, lookInterval } from "../looks.ts";
import type { ServerParts } from "../model.ts";
import { jobNameSchema, lineSchema, moment, rowTimeSchema, runIdSchema, timeSchema } from "../schemas.ts";

const tag = "production";

const countSchema = z.int().min(0);
const healthSchema = z.enum(["there", ...badHealths]);
const countsShape = {
  failed: countSchema.openapi({ description: "Promoting them failed." }),
  elsewhere: countSchema.openapi({ description: "Tags that stand at another digest." }),
  damaged: countSchema.openapi({ description: "Of images that lack a part, or have a wrong one." }),
  contested: countSchema.openapi({ description: "Tags that the manifests ask for at two digests." }),
  missing: countSchema,
  unread: countSchema.openapi({ description: "They could not be read: nothing is known of them now." }),
};

const lookShape = {
  lookedAt: timeSchema.optional().openapi({ description: "When the last whole look began." }),
  run: runIdSchema.optional().openapi({ description: "That has looked." }),
  job: jobNameSchema.optional(),
  isStale: z
    .boolean()
    .openapi({ description: "The next look is overdue: what is said here may not be so any more." }),
};

const treeSchema = z
  .object({
    ...{ repo: z.string(), ref: z.string(), path: z.string(), commit: z.string().optional() },
    ...lookShape,
    lookedIntoAt: timeSchema
      .optional()
      .openapi({ description: "When images were looked into, to their last blob." }),
    intervalSeconds: z
      .number()
      .openapi({ description: "Between two looks, by the clocks of jobs; a day without one." }),
    intervalOf: jobNameSchema.optional().openapi({ description: "Whose clock that is." }),
    manifestErrors: countSchema,
    cutOff: z
      .object({ at: timeSchema, run: z.string() })
      .optional()
      .openapi({ description: "A later run that was ended before it had looked at all." }),
  })
  .openapi("ProductionTree");

/** A tree of manifests that jobs look at, as the API has it. */
export type ProductionTreeDocument = z.infer<typeof treeSchema>;

const mirrorSchema = z.object({
  mirror: z.string(),
  registry: z.string(),
  health: healthSchema.openapi({ description: "The worst that is so there." }),
  edges: countSchema,
  off: z
    .record(z.enum(badHealths), countSchema)
    .openapi({ description: "Edges that are not as asked, by what they are; all others are there." }),
  offSince: timeSchema.optional(),
  unreadSince: timeSchema.optional(),
});

const projectSchema = z
  .object({
    ...{ project: z.string(), repo: z.string(), ref: z.string(), path: z.string() },
    ...{ images: countSchema, edges: countSchema },
    health: healthSchema,
    there: countSchema,
    ...countsShape,
    ...lookShape,
    offSince: timeSchema.optional().openapi({ description: "Since when the first of it is not as asked." }),
    unreadSince: timeSchema.optional(),
    unreadableSince: timeSchema.optional().openapi({
      description: "Its manifests cannot be read since then: all of it is what they asked for before.",
    }),
    mirrors: z.array(mirrorSchema),
  })
  .openapi("ProductionProject");

/** A project in production, as the API has it. */
export type ProductionProjectDocument = z.infer<typeof projectSchema>;

const troubleShape = {
  health: healthSchema,
  text: z.string(),
  mirrors: z.array(z.string()).openapi({ description: "At which it is so." }),
  tags: z
    .array(z.string())
    .openapi({ description: "Of which it is so; of the image as a whole without them." }),
  current: z.string().optional().openapi({ description: "The digest that the tags stand at." }),
  since: timeSchema,
  foundBy: runIdSchema.openapi({ description: "The run that has found it first." }),
  why: z.string().optional(),
  host: z.string().optional().openapi({ description: "Whose failure it is." }),
  wayOut: z.string(),
};
const troubleSchema = z.object(troubleShape);

const imageSchema = z
  .object({
    ...{ name: z.string(), digest: z.string(), tags: z.array(z.string()), source: z.string() },
    at: z.string().openapi({ description: "`file:line:column` that asks for it." }),
    health: healthSchema,
    mirrors: z.array(z.string()),
    troubles: z.array(troubleSchema),
    ...lookShape,
  })
  .openapi("ProductionImage");

/** An image that is asked for, as the API has it. */
export type ProductionImageDocument = z.infer<typeof imageSchema>;

const driftSchema = z
  .object({
    ...{ project: z.string(), name: z.string(), digest: z.string(), source: z.string(), at: z.string() },
    ...troubleShape,
    ...lookShape,
  })
  .openapi("Drift");

/** Something that is not as asked, as the API has it. */
export type DriftDocument = z.infer<typeof driftSchema>;

const sampleSchema = z
  .object({
    at: timeSchema,
    looks: countSchema,
    edges: countSchema,
    there: countSchema,
    ...countsShape,
    promotedImages: countSchema,
    promotedEdges: countSchema,
  })
  .openapi("ProductionSample");

/** An hour or a day of production, as the API has it. */
export type ProductionSampleDocument = z.infer<typeof sampleSchema>;

/** What samples are asked for. */
export const sampleFilters = {
  grain: z.enum(["hour", "day"]).default("day").openapi({
    description: "Hours are kept for 14 days, days for 3 years.",
  }),
  since: moment.optional().openapi({ description: "Without it, two days of hours or 90 of days." }),
};

/** From when on samples are shown. */
export function sampleStart(grain: "hour" | "day", since: Date | undefined, now: Date): Date {
  return since ?? new Date(now.getTime() - (grain === "hour" ? 2 : 90) * 24 * 3_600_000);
}

const imageFilters = {
  state: z
    .enum(["off", "known", ...badHealths])
    .optional()
    .openapi({
      description:
        "Of which something is so; `off`: anything that is not as asked; `known`: the same without what is unread.",
    }),
  mirror: lineSchema(500).optional().openapi({
    description: "At which something is not as asked: a mirror, or a host with all of its mirrors.",
  }),
  search: lineSchema(200)
    .optional()
    .openapi({ description: "A part of the name, or the beginning of a tag or digest." }),
};

// Of what is named by nobody the name is empty.
const wordsOfRow = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u);

const afterDrift = afterPlace(
  z
    .tuple([rowTimeSchema, z.int32(), wordsOfRow, wordsOfRow])
    .transform(
      ([since, tree, project, place]): DriftPlace => ({ since: new Date(since), tree, project, place }),
    ),
  4_000,
);

/** The routes of what production is known to hold. */
export function addProduction(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, jobs } = parts;
  const now = (): Date => timeOf(parts);

  const treesNow = async (): Promise<ReadonlyMap<number, TreeNow>> => {
    const known = jobs.current().jobs.map(({ job }) => job);
    const trees = await listTrees(db);
    return new Map(
      trees.map((tree) => {
        const interval = lookInterval(tree, known);
        const looked = tree.lookedAt?.getTime() ?? 0;
        return [tree.id, { tree, interval, isStale: looked + interval.patience <= now().getTime() }];
      }),
    );
  };

  addList(api, {
    ...{ path: "/production/trees", tag, item: treeSchema, params: {} },
    summary: "The trees of manifests that jobs look at, and when they did",
    filters: { after: lineSchema(3_000).optional() },
    async read(c, query) {
      demand(c, parts, "read");
      const trees = [...(await treesNow()).values()].map(treeDocument);
      return pageOfNamed(trees, query, ({ repo, ref, path }) => `${repo} ${ref} ${path}`);
    },
  });

  addList(api, {
    ...{ path: "/production", tag, item: projectSchema, params: {} },
    summary: "Projects, each with how it is at its mirrors, as of the last look",
    filters: {
      project: lineSchema(500).optional(),
      after: lineSchema(3_000).optional(),
    },
    async read(c, { project, ...query }) {
      demand(c, parts, "read");
      const trees = await treesNow();
      const projects = (await listProjects(db, project)).flatMap((of) => {
        const tree = trees.get(of.tree);
        return tree === undefined ? [] : [projectDocument(of, tree, now())];
      });
      return pageOfNamed(
        projects,
        query,
        ({ project: name, repo, ref, path }) => `${name} ${repo} ${path} ${ref}`,
      );
    },
  });

  addList(api, {
    ...{ path: "/production/projects/{project}/images", tag, item: imageSchema },
    summary:
      "The images that a project asks for, the newest versions first, and what of them is not as asked",
    params: { project: lineSchema(500) },
    filters: { ...imageFilters, after: lineSchema(1_000).optional() },
    async read(c, { limit, after, ...filter }, { project }) {
      demand(c, parts, "read");
      const trees = await treesNow();
      const images = await listAskedImages(db, { project, after, ...filterOf(filter), limit: limit + 1 });
      const at = now();
      return pageOfRows(
        images,
        limit,
        ({ place }) => place,
        (image) => imageDocument(image, trees.get(image.tree), at),
      );
    },
  });

  addList(api, {
    ...{ path: "/production/drift", tag, item: driftSchema, params: {} },
    summary: "What is not as asked, the newest first, with the way out; a page has so many images",
    filters: { ...imageFilters, project: lineSchema(500).optional(), after: afterDrift },
    async read(c, { limit, after, project, ...filter }) {
      demand(c, parts, "read");
      const trees = await treesNow();
      const images = await listDrift(db, { project, after, ...filterOf(filter), limit: limit + 1 });
      const shown = images.slice(0, limit);
      const last = shown.at(-1);
      return {
        items: shown.flatMap((image) =>
          driftDocuments(image, filterOf(filter), trees.get(image.tree), now()),
        ),
        next: images.length > limit && last !== undefined ? driftText(driftPlace(last)) : undefined,
      };
    },
  });

  addList(api, {
    ...{ path: "/production/history", tag, item: sampleSchema, params: {} },
    summary: "Production over time: what was promoted, and what was not as asked, the oldest first",
    filters: { ...sampleFilters, after: timeSchema.optional() },
    async read(c, { grain, since, ...query }) {
      demand(c, parts, "read");
      const samples = await productionHistory(db, { grain, since: sampleStart(grain, since, now()) });
      return pageOfNamed(
        samples.map(({ at, looks, edges, counts, promotedImages, promotedEdges }) => ({
          ...{ at: at.toISOString(), looks, edges, there: edges - sumOf(counts), ...counts },
          ...{ promotedImages, promotedEdges },
        })),
        query,
        ({ at }) => at,
      );
    },
  });
}

interface TreeNow {
  readonly tree: ProductionTree;
  readonly interval: LookInterval;
  readonly isStale: boolean;
}

function filterOf({
  state,
  mirror,
  search,
}: {
  readonly state?: BadHealth | "off" | "known" | undefined;
  readonly mirror?: string | undefined;
  readonly search?: string | undefined;
}) {
  return { healths: healthsOf(state), mirror, search };
}

function healthsOf(state: BadHealth | "off" | "known" | undefined): readonly BadHealth[] | undefined {
  if (state === undefined || state === "off") return state && badHealths;
  return state === "known" ? badHealths.filter((health) => health !== "unread") : [state];
}

function treeDocument({ tree, interval, isStale }: TreeNow): ProductionTreeDocument {
  const { repo, ref, path, commit, run, job, lookedAt, deepAt, manifestErrors, cutOff } = tree;
  return {
    ...{ repo, ref, path, commit, lookedAt: lookedAt?.toISOString(), run, job, isStale, manifestErrors },
    lookedIntoAt: deepAt?.toISOString(),
    ...{ intervalSeconds: interval.milliseconds / 1000, intervalOf: interval.job },
    cutOff:
      cutOff === undefined || (lookedAt !== undefined && cutOff.at <= lookedAt)
        ? undefined
        : { at: cutOff.at.toISOString(), run: cutOff.run },
  };
}

/** Of a project whose manifests cannot be read, nobody has looked at what it asks for now. */
function isOld(
  { lookedAt, unreadableSince }: Pick<AskedImage, "lookedAt" | "unreadableSince">,
  { interval }: TreeNow,
  at: Date,
): boolean {
  return unreadableSince !== undefined || lookedAt.getTime() + interval.patience <= at.getTime();
}

function projectDocument(project: ProductionProject, tree: TreeNow, at: Date): ProductionProjectDocument {
  const { images, edges, lookedAt, run, job, unreadableSince, cells } = project;
  const sum = { failed: 0, elsewhere: 0, damaged: 0, contested: 0, missing: 0, unread: 0 };
  for (const { counts } of cells) for (const health of badHealths) sum[health] += counts[health];
  return {
    ...{ project: project.project, repo: tree.tree.repo, ref: tree.tree.ref, path: tree.tree.path },
    ...{ images, edges },
    ...{ health: worstOf(sum), there: edges - sumOf(sum), ...sum },
    ...{ lookedAt: lookedAt.toISOString(), run, job, isStale: isOld(project, tree, at) },
    offSince: earliest(cells.map(({ offSince }) => offSince)),
    unreadSince: earliest(cells.map(({ unreadSince }) => unreadSince)),
    unreadableSince: unreadableSince?.toISOString(),
    mirrors: cells.map(mirrorDocument),
  };
}

function mirrorDocument({ mirror, registry, edges, counts, offSince, unreadSince }: ProductionCell) {
  return {
    ...{ mirror, registry, health: worstOf(counts), edges },
    off: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)) as Record<
      BadHealth,
      number
    >,
    ...{ offSince: offSince?.toISOString(), unreadSince: unreadSince?.toISOString() },
  };
}

function worstOf(counts: TroubleCounts): BadHealth | "there" {
  return badHealths.find((health) => counts[health] > 0) ?? "there";
}

function sumOf(counts: TroubleCounts): number {
  return badHealths.reduce((sum, health) => sum + counts[health], 0);
}

function earliest(times: readonly (Date | undefined)[]): string | undefined {
  const known = times.filter((time) => time !== undefined).map((time) => time.getTime());
  return known.length === 0 ? undefined : new Date(Math.min(...known)).toISOString();
}

function lookDocument(image: AskedImage, tree: TreeNow | undefined, at: Date) {
  const { lookedAt, lookedRun: run, job } = image;
  return {
    lookedAt: lookedAt.toISOString(),
    run,
    job,
    isStale: tree === undefined || isOld(image, tree, at),
  };
}

function imageDocument(image: AskedImage, tree: TreeNow | undefined, at: Date): ProductionImageDocument {
  const { name, digest, tags, source, at: line, mirrors, troubles } = image;
  const healths = new Set(troubles.map(({ health }) => health));
  return {
    ...{ name, digest, tags: [...tags], source, at: line },
    health: badHealths.find((health) => healths.has(health)) ?? "there",
    ...{ mirrors: [...mirrors], troubles: troubles.map(troubleDocument) },
    ...lookDocument(image, tree, at),
  };
}

/** What of an image is as the list asks for it: all else of it that is not as asked stands where that is asked for. */
function driftDocuments(
  image: AskedImage,
  { healths, mirror }: ReturnType<typeof filterOf>,
  tree: TreeNow | undefined,
  at: Date,
): readonly DriftDocument[] {
  const { project, name, digest, source, at: line } = image;
  const look = lookDocument(image, tree, at);
  const isAt = (of: string): boolean => of === mirror || of.startsWith(`${mirror}/`);
  const troubles = image.troubles.filter(
    ({ health, mirrors }) =>
      (healths === undefined || healths.includes(health)) && (mirror === undefined || mirrors.some(isAt)),
  );
  return troubles.map((trouble) => ({
    ...{ project, name, digest, source, at: line },
    ...troubleDocument(trouble),
    ...look,
  }));
}

function troubleDocument({ health, text, wayOut, mirrors, tags, current, since, run, cause }: ShownTrouble) {
  return {
    ...{
      health,
      text,
      mirrors: [...mirrors],
      tags: [...tags],
      current,
      since: since.toISOString(),
      foundBy: run,
    },
    ...{ why: cause?.message, host: cause?.host, wayOut: cause?.hint ?? wayOut },
  };
}

function driftText({ since, tree, project, place }: DriftPlace): string {
  return placeText([since.toISOString(), tree, project, place]);
}
