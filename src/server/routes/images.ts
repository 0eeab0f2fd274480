import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import {
  eventsOf,
  findImage,
  type ImageContents,
  type ImageLife,
  type KeptEvent,
  type KnownImage,
  lifeOf,
  listEvents,
  listImages,
  listTags,
  type ProductionState,
  placeOfEvent,
  placeOfTag,
  predecessorOf,
  sizesOf,
  tagsOfDigest,
  textOfEvent,
} from "../../history/index.ts";
import { type Digest, digestSchema } from "../../oci/index.ts";
import { type AskedEdge, askedOf } from "../../production/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import { ServerError } from "../errors.ts";
import { openImageReader } from "../image-reader.ts";
import { addList } from "../lists/list.ts";
import { afterValues, pageOfRows, placeText } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { lineSchema, rowNumberSchema, timeSchema } from "../schemas.ts";

const tags = ["images"];

const imageName = lineSchema(500).openapi({
  description: "The repository that it is pushed to first, or one that it is promoted to.",
  example: "gcr.io/k8s-staging-apisnoop/snoopdb",
});
const digest = z
  .string()
  .max(200)
  .refine((text): text is Digest => digestSchema.safeParse(text).success, "it is no digest")
  .openapi({ type: "string", example: `sha256:${"0".repeat(64)}` });

const imageSchema = z
  .object({
    image: z.string(),
    project: z.string().optional(),
    tag: z.string().optional().openapi({ description: "The one that came last." }),
    digests: z.int(),
    mirrors: z.int().openapi({ description: "Production repositories that runs have promoted it to." }),
    lastAt: timeSchema.openapi({ description: "When something happened to it last." }),
  })
  .openapi("Image");

const tagSchema = z
  .object({ tag: z.string(), digest: z.string(), at: timeSchema, run: z.string() })
  .openapi("ImageTag");

const eventSchema = z
  .object({
    image: z.string(),
    digest: z.string(),
    kind: z.string().openapi({ example: "promoted" }),
    at: timeSchema,
    tags: z.array(z.string()),
    text: z.string(),
    run: z.string(),
    job: z.string(),
    pull: z.string().optional(),
  })
  .openapi("ImageEvent");

const runName = z.object({ id: z.string(), job: z.string() });
const unreadSchema = z.array(z.object({ what: z.string(), why: z.string() }));
const approvalSchema = z.object({
  user: z.string(),
  commit: z.string().optional(),
  at: z.string().optional(),
  void: z.string().optional().openapi({ description: "Why it does not count." }),
});

const lifeSchema = z
  .object({
    format: z.literal("waybill-trace/1"),
    image: z.string(),
    digest: z.string(),
    tags: z.array(z.object({ tag: z.string(), at: z.string().optional() })),
    stations: z.array(
      z.object({
        name: z.enum(["commit", "build", "staging", "pull-request", "promotion", "mirrors"]),
        state: z.enum(["done", "waiting", "failed", "unknown"]),
        at: z.string().optional(),
        text: z.string(),
        who: z.array(z.string()),
        run: runName.optional(),
        commit: z.string().optional(),
        repo: z.string().optional(),
        url: z.string().optional(),
      }),
    ),
    pulls: z.array(
      z.object({
        url: z.string(),
        number: z.int(),
        title: z.string().optional(),
        author: z.string().optional(),
        proposedAt: z.string().optional(),
        proposedBy: z.string().optional(),
        reviewedAt: z.string().optional(),
        reviewedBy: z.string().optional(),
        verdict: z.string().optional(),
        commit: z.string().optional(),
        edgesHash: z.string().optional().openapi({ description: "What approvals are bound to." }),
        approvals: z.array(approvalSchema),
        uncovered: z.array(z.string()),
      }),
    ),
    mirrors: z.array(
      z.object({
        repository: z.string(),
        tags: z.array(z.string()),
        state: z.string(),
        why: z.string().optional(),
        arrivedAt: z.string().optional(),
        run: z.string().optional(),
        lookedAt: z.string().optional(),
      }),
    ),
    askedBy: z.array(
      z.object({
        place: z.string(),
        tags: z.array(z.string()),
        repo: z.string().optional(),
        commit: z.string().optional(),
      }),
    ),
    events: z.array(
      z.object({
        kind: z.string(),
        at: z.string(),
        lastAt: z.string().optional(),
        text: z.string(),
        run: runName,
      }),
    ),
    unread: unreadSchema,
  })
  .openapi("ImageLife");

const layerSchema = z.object({
  digest: z.string(),
  bytes: z.number(),
  isShared: z.boolean().optional().openapi({ description: "The image before it has it as well." }),
});

const contentsSchema = z
  .object({
    image: z.string(),
    digest: z.string(),
    from: z.string().optional().openapi({ description: "The repository that has answered." }),
    contents: z
      .object({
        mediaType: z.string(),
        artifactType: z.string().optional(),
        created: z.string().optional(),
        bytes: z.number().openapi({ description: "Of its configs and layers, each once." }),
        platforms: z.array(z.string()),
        layers: z.array(layerSchema),
        isPartial: z.boolean(),
      })
      .optional(),
    before: z
      .object({ digest: z.string(), tag: z.string().optional(), bytes: z.number().optional() })
      .optional()
      .openapi({ description: "The digest of the same image that came before." }),
    referrers: z
      .array(z.object({ digest: z.string(), artifactType: z.string().optional(), bytes: z.number() }))
      .optional()
      .openapi({ description: "What hangs on it; missing where it could not be read." }),
    unread: unreadSchema,
  })
  .openapi("ImageContents");

const sizeSchema = z
  .object({
    digest: z.string(),
    tag: z.string().optional(),
    at: timeSchema,
    bytes: z.number().optional().openapi({ description: "Missing where it could not be read yet." }),
  })
  .openapi("ImageSize");

/** An image of a list. */
export type ListedImageDocument = z.infer<typeof imageSchema>;
/** Something that has happened to an image. */
export type ImageEventDocument = z.infer<typeof eventSchema>;
/** A tag of an image. */
export type ImageTagDocument = z.infer<typeof tagSchema>;
/** What an image is made of. */
export type ImageContentsDocument = z.infer<typeof contentsSchema>;
/** How large a digest of an image is. */
export type ImageSizeDocument = z.infer<typeof sizeSchema>;

const query = z.object({ image: imageName.optional(), digest });

const lifeRoute = createRoute({
  method: "get",
  path: "/images/life",
  tags,
  summary: "What became of a digest: commit, build, staging, pull request, promotion, mirrors",
  request: { query },
  responses: { 200: json(lifeSchema, "Its life, as far as it is known."), ...failures },
});

const contentsRoute = createRoute({
  method: "get",
  path: "/images/contents",
  tags,
  summary: "What a digest is made of and what hangs on it, asked of its registry",
  request: { query },
  responses: { 200: json(contentsSchema, "As far as it could be read."), ...failures },
});

/** Digests whose sizes are read for one request, where nobody knows them yet. */
const maxNewSizes = 8;

/** The routes of images. */
export function addImages(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db } = parts;
  const reader = openImageReader(parts);
  /** The image that is meant: that of a repository, or the one that a digest is known of. */
  const demandedImage = async (repository: string | undefined, of: Digest): Promise<string> => {
    const events = await eventsOf(db, of);
    const known = repository === undefined ? undefined : (await findImage(db, repository))?.name;
    const found = repository === undefined ? events[0]?.image : known;
    if (found !== undefined) return found;
    // What was there before runs told of it is known by what manifests ask for.
    const edge = (await askedOf(db, of)).find(
      ({ source, destination }) => repository === undefined || [source, destination].includes(repository),
    );
    if (edge !== undefined) return edge.source;
    throw new ServerError("unknown-image", `no run has told of ${repository ?? of}`, {
      hint: "search for it: GET /api/v1/search?q=",
    });
  };

  addList(api, {
    ...{ path: "/images", tag: "images", item: imageSchema, params: {} },
    summary: "Images, those first to which something happened last",
    filters: {
      search: lineSchema(200).optional().openapi({ description: "Stands in its name." }),
      project: lineSchema(200).optional(),
      after: lineSchema(500).optional().openapi({ description: "What `next` of the page before says." }),
    },
    async read(c, asked) {
      demand(c, parts, "read");
      return pageOfRows(await listImages(db, asked), asked.limit, ({ name }) => name, imageDocument);
    },
  });

  addList(api, {
    ...{ path: "/images/events", tag: "images", item: eventSchema, params: {} },
    summary: "What has happened to images, the newest runs first",
    filters: {
      image: imageName.optional(),
      pull: lineSchema(1_000).optional().openapi({ description: "The address of a pull request." }),
      commit: z
        .string()
        .regex(/^[0-9a-f]{40}$/)
        .optional()
        .openapi({ description: "Of the runs that did it." }),
      run: rowNumberSchema.optional(),
      after: afterValues(rowNumberSchema),
    },
    async read(c, { image, ...asked }) {
      demand(c, parts, "read");
      const name = image && ((await findImage(db, image))?.name ?? image);
      const rows = await listEvents(db, { image: name, ...asked });
      return pageOfRows(rows, asked.limit, (row) => placeText(placeOfEvent(row)), eventDocument);
    },
  });

  addList(api, {
    ...{ path: "/images/tags", tag: "images", item: tagSchema, params: {} },
    summary: "Tags of an image and what each stood for, the newest first",
    filters: { image: imageName, tag: lineSchema(200).optional(), after: afterValues(rowNumberSchema) },
    async read(c, { image, ...asked }) {
      demand(c, parts, "read");
      const name = (await findImage(db, image))?.name ?? image;
      const rows = await listTags(db, { image: name, ...asked });
      return pageOfRows(
        rows,
        asked.limit,
        (row) => placeText(placeOfTag(row)),
        ({ tag, digest: of, at, run }) => ({ tag, digest: of, at: at.toISOString(), run }),
      );
    },
  });

  addList(api, {
    ...{ path: "/images/sizes", tag: "images", item: sizeSchema, params: {} },
    summary: "How large the last digests of an image are, the oldest first",
    filters: { image: imageName },
    async read(c, { image, limit }) {
      demand(c, parts, "read");
      const name = (await findImage(db, image))?.name ?? image;
      const found = await sizesOf(db, name, limit);
      const missing = found.filter(({ bytes }) => bytes === undefined).slice(-maxNewSizes);
      const read = new Map(
        await Promise.all(
          missing.map(async (one) => [one.digest, (await reader.contents(name, one.digest))?.bytes] as const),
        ),
      );
      return {
        items: found.map(({ digest: of, tag, at, bytes }) => ({
          ...{ digest: of, tag, at: at.toISOString(), bytes: bytes ?? read.get(of) },
        })),
      };
    },
  });

  api.openapi(lifeRoute, async (c) => {
    demand(c, parts, "read");
    const asked = c.req.valid("query");
    const image = await demandedImage(asked.image, asked.digest);
    const [events, known, edges] = await Promise.all([
      eventsOf(db, asked.digest),
      tagsOfDigest(db, asked.digest),
      askedOf(db, asked.digest),
    ]);
    const production = edges.filter(({ source }) => source === image).map(productionState);
    const life = lifeOf({ image, digest: asked.digest, events, tags: known, production });
    return c.json(lifeDocument(life), 200);
  });

  api.openapi(contentsRoute, async (c) => {
    demand(c, parts, "read");
    const asked = c.req.valid("query");
    const image = await demandedImage(asked.image, asked.digest);
    const previous = await predecessorOf(db, { image, digest: asked.digest });
    const [found, before] = await Promise.all([
      reader.read(image, asked.digest),
      previous === undefined ? undefined : reader.contents(image, previous),
    ]);
    const previousTag =
      previous && (await tagsOfDigest(db, previous)).filter((tag) => tag.image === image).at(-1)?.tag;
    const { contents, referrers, from, unread } = found;
    return c.json(
      {
        ...{ image, digest: asked.digest, from, unread: [...unread] },
        contents: contents && contentsDocument(contents, before),
        before: previous && { digest: previous, tag: previousTag, bytes: before?.bytes },
        referrers: referrers?.map(({ digest: of, artifactType, size }) => ({
          ...{ digest: of, artifactType, bytes: size },
        })),
      },
      200,
    );
  });
}

/** How production was found to be, in the words of a life. */
function productionState({ destination, tags, at, repo, commit, ...edge }: AskedEdge): ProductionState {
  const { health, troubles, lookedAt, lookedRun } = edge;
  const [worst] = troubles;
  const why = worst && (worst.cause?.message ?? worst.text);
  return { ...{ destination, tags, at, repo, commit, health, why, lookedAt, lookedRun } };
}

function imageDocument({ name: image, lastAt, ...more }: KnownImage): ListedImageDocument {
  return { image, ...more, lastAt: lastAt.toISOString() };
}

function eventDocument(event: KeptEvent): ImageEventDocument {
  const { image, digest: of, kind, at, details, run } = event;
  return {
    ...{ image, digest: of, kind, at: at.toISOString(), tags: [...(details.tags ?? [])] },
    ...{ text: textOfEvent(event), run: run.id, job: run.job, pull: details.pull },
  };
}

function contentsDocument(contents: ImageContents, before: ImageContents | undefined) {
  const shared = new Set(before?.layers.map((layer) => layer.digest));
  return {
    ...contents,
    platforms: [...contents.platforms],
    layers: contents.layers.map((layer) => ({
      ...layer,
      ...(before === undefined ? {} : { isShared: shared.has(layer.digest) }),
    })),
  };
}

function lifeDocument(life: ImageLife): z.infer<typeof lifeSchema> {
  return {
    ...life,
    tags: [...life.tags],
    stations: life.stations.map((station) => ({ ...station, who: [...station.who] })),
    pulls: life.pulls.map((pull) => ({
      ...pull,
      approvals: [...pull.approvals],
      uncovered: [...pull.uncovered],
    })),
    mirrors: life.mirrors.map((mirror) => ({ ...mirror, tags: [...mirror.tags] })),
    askedBy: life.askedBy.map((line) => ({ ...line, tags: [...line.tags] })),
    events: [...life.events],
    unread: [...life.unread],
  };
}
