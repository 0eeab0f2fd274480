import * as z from "zod/mini";
import { digestSchema } from "../oci/index.ts";
import { ClientError } from "./errors.ts";
import type { Server } from "./server.ts";

const text = z.optional(z.string());
const texts = z.array(z.string()).check(z.maxLength(10_000));
const run = z.object({ id: z.string(), job: z.string() });

const lifeSchema = z.object({
  format: z.literal("waybill-trace/1"),
  image: z.string(),
  digest: digestSchema,
  tags: z.array(z.object({ tag: z.string(), at: text })),
  stations: z.array(
    z.object({
      ...{
        name: z.enum(["commit", "build", "staging", "pull-request", "promotion", "mirrors"]),
        state: z.enum(["done", "waiting", "failed", "unknown"]),
        at: text,
        text: z.string(),
      },
      ...{ who: texts, run: z.optional(run), commit: text, repo: text, url: text },
    }),
  ),
  pulls: z.array(
    z.object({
      ...{ url: z.string(), number: z.int(), title: text, author: text, proposedAt: text, proposedBy: text },
      ...{ reviewedAt: text, reviewedBy: text, verdict: text, commit: text, edgesHash: text },
      approvals: z.array(z.object({ user: z.string(), commit: text, at: text, void: text })),
      uncovered: texts,
    }),
  ),
  mirrors: z.array(
    z.object({
      ...{ repository: z.string(), tags: texts, state: z.string(), why: text, arrivedAt: text, run: text },
      lookedAt: text,
    }),
  ),
  askedBy: z.array(z.object({ place: z.string(), tags: texts, repo: text, commit: text })),
  events: z.array(z.object({ kind: z.string(), at: z.string(), lastAt: text, text: z.string(), run })),
  unread: z.array(z.object({ what: z.string(), why: z.string() })),
});

/** The life of an image as a server answers it. */
export type AnsweredLife = z.output<typeof lifeSchema>;

const hitsSchema = z.object({
  items: z
    .array(
      z.object({
        ...{ type: z.string(), name: z.string(), isExact: z.boolean() },
        ...{ image: text, tag: text, digest: text },
      }),
    )
    .check(z.maxLength(500)),
});

const eventsSchema = z.object({
  items: z.array(z.object({ image: z.string(), digest: z.string() })).check(z.maxLength(500)),
});

/** An image that may be meant. */
export interface FoundImage {
  readonly image: string;
  readonly digest: string;
  readonly tag?: string | undefined;
}

/**
 * Which images somebody means, by whatever a server finds them by: a reference, a tag, the first digits of a digest or of a commit, a
 * pull request. @throws {ClientError}
 */
export async function findImages(server: Server, reference: string): Promise<readonly FoundImage[]> {
  const query = new URLSearchParams({ q: reference, limit: "500" });
  const { items } = await server.get(`/search?${query}`, hitsSchema);
  const pull = items.find(({ type }) => type === "pull");
  if (pull !== undefined) {
    const asked = new URLSearchParams({ pull: pull.name, limit: "500" });
    return distinct((await server.get(`/images/events?${asked}`, eventsSchema)).items);
  }
  const images = items.flatMap(({ isExact, image, digest, tag }) =>
    image === undefined || digest === undefined ? [] : [{ isExact, image, digest, tag }],
  );
  const exact = images.filter(({ isExact }) => isExact);
  return distinct((exact.length > 0 ? exact : images).map(({ isExact: _, ...found }) => found));
}

/** The life of an image. @throws {ClientError} */
export async function readLife(server: Server, { image, digest }: FoundImage): Promise<AnsweredLife> {
  const life = await server.get(`/images/life?${new URLSearchParams({ image, digest })}`, lifeSchema);
  if (life.digest === digest) return life;
  throw new ClientError("not-a-server", "the server has answered for another image", { where: server.url });
}

function distinct(found: readonly FoundImage[]): readonly FoundImage[] {
  return [...new Map(found.map((each) => [`${each.image}@${each.digest}`, each])).values()];
}
