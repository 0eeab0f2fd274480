import { z } from "zod";
import { type Digest, isDigest, isRepositoryPath, isTag, type Tag } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { Answer, HostClient } from "../host/host-client.ts";
import type { ListedManifest, Listing } from "../repository.ts";
import { refusal } from "./answer.ts";
import { hearOfMissing } from "./missing-repository.ts";
import { saysAbsent, unproven } from "./not-found.ts";
import { ListHabits } from "./pagination.ts";
import { type Remote, reading, urlIn } from "./remote.ts";

const pageBytes = 64 * 1024 * 1024;
const tagLimit = 2_000_000;
/**
 * Tags on a page. Google's registries give all they are asked for; others refuse more than this (Amazon's), and some are
 * set to refuse more than the least.
 */
const pageSize = { offering: 10_000, other: 1_000, least: 100 };
const habits = new ListHabits();

const listingSchema = z.object({
  tags: z.array(z.string()).nullish(),
  child: z.array(z.string()).nullish(),
  manifest: z
    .record(
      z.string(),
      z.object({
        tag: z.array(z.string()).nullish(),
        mediaType: z.string().nullish(),
        imageSizeBytes: z.union([z.string(), z.number()]).nullish(),
        timeUploadedMs: z.union([z.string(), z.number()]).nullish(),
      }),
    )
    .nullish(),
});

/** Hosts that have answered with manifests before. */
const offering = new WeakSet<HostClient>();

/** Whether the host is known to list manifests: Google's registries do, and others show it. */
export function offersManifests(client: HostClient): boolean {
  return offering.has(client) || /(?:^|\.)gcr\.io$|\.pkg\.dev$/.test(client.endpoint.host);
}

/**
 * `GET /v2/<name>/tags/list`, all pages, with Google's `manifest` and `child` fields where they are there.
 * @throws {RegistryError} `list-incomplete` for a list that is not known to be whole.
 */
export async function listRepository(remote: Remote): Promise<Listing | undefined> {
  const tags = new Set<Tag>();
  const children = new Set<string>();
  const manifests = new Map<Digest, ListedManifest>();
  let known = false;
  let complete = true;
  for await (const page of listedPages(remote)) {
    known = true;
    for (const tag of page.tags ?? []) if (isTag(tag)) tags.add(tag);
    for (const child of page.child ?? []) if (isRepositoryPath(child)) children.add(child);
    if (tags.size > tagLimit) {
      throw new RegistryError("too-large", `the repository lists more than ${tagLimit} tags`, {
        where: remote.name,
      });
    }
    if (page.manifest == null) complete = false;
    for (const [digest, manifest] of Object.entries(page.manifest ?? {})) {
      if (isDigest(digest)) manifests.set(digest, listedManifest(manifest));
    }
  }
  if (!known) return undefined;
  if (complete) offering.add(remote.client);
  return { tags: [...tags], manifests: complete ? manifests : undefined, children: [...children] };
}

function listedPages(remote: Remote): AsyncGenerator<z.infer<typeof listingSchema>> {
  const { client, name } = remote;
  const size = offersManifests(client) ? pageSize.offering : pageSize.other;
  return habits.whole({
    client,
    url: urlIn(remote, "tags/list"),
    where: name,
    sizes: [size, pageSize.least],
    send: (url) => client.send(reading(remote, { kind: "list", method: "GET", url }), pageBytes),
    async read(answer) {
      hearOfMissing(remote, answer);
      if (answer.status === 200) return parse(answer, remote);
      if (answer.status !== 404) throw await refusal(remote, answer, "listing tags");
      if (saysAbsent(answer)) return undefined;
      throw unproven(remote, answer, "listing tags");
    },
    names: ({ tags }) => tags ?? [],
    isWhole: ({ manifest }) => manifest != null,
  });
}

type ManifestJson = NonNullable<z.infer<typeof listingSchema>["manifest"]>[string];

function listedManifest({ tag, mediaType, imageSizeBytes, timeUploadedMs }: ManifestJson): ListedManifest {
  const size = Number(imageSizeBytes ?? Number.NaN);
  const uploaded = Number(timeUploadedMs ?? Number.NaN);
  return {
    tags: (tag ?? []).filter(isTag),
    mediaType: mediaType ?? undefined,
    imageSize: Number.isFinite(size) ? size : undefined,
    uploadedAt: Number.isFinite(uploaded) ? new Date(uploaded) : undefined,
  };
}

function parse({ bytes }: Answer, remote: Remote): z.infer<typeof listingSchema> {
  try {
    return listingSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (cause) {
    throw new RegistryError("unexpected-response", "the registry's list of tags is no list of tags", {
      where: remote.name,
      cause,
    });
  }
}
