import { z } from "zod";
import { type Digest, isDigest, isTag, type Tag } from "../../oci/index.ts";
import { readBody } from "../body.ts";
import { RegistryError } from "../errors.ts";
import type { HostClient } from "../host/host-client.ts";
import type { ListedManifest, Listing } from "../repository.ts";
import { discard } from "./answer.ts";
import { nextPage, pages } from "./pagination.ts";
import type { Remote } from "./remote-repository.ts";

const pageBytes = 64 * 1024 * 1024;
const tagLimit = 2_000_000;

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

/** `GET /v2/<name>/tags/list`, all pages, with Google's `manifest` and `child` fields where they are there. */
export async function listRepository(remote: Remote): Promise<Listing | undefined> {
  const first = remote.url("tags/list");
  first.searchParams.set("n", "10000");
  const tags = new Set<Tag>();
  const children = new Set<string>();
  let manifests: Map<Digest, ListedManifest> | undefined;
  let known = false;
  const read = async (url: URL) => {
    const response = await remote.send({ kind: "list", method: "GET", url });
    if (response.status === 404) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await remote.refusal(response, "listing tags");
    const text = (await readBody(response.body, pageBytes, remote.name)).toString("utf8");
    return { page: parse(text, remote), next: nextPage(response, remote.name) };
  };
  for await (const page of pages(first, remote.name, read)) {
    known = true;
    for (const tag of page.tags ?? []) if (isTag(tag)) tags.add(tag);
    for (const child of page.child ?? []) children.add(child);
    if (tags.size > tagLimit) {
      throw new RegistryError("too-large", `the repository lists more than ${tagLimit} tags`, {
        where: remote.name,
      });
    }
    if (page.manifest == null) continue;
    offering.add(remote.client);
    manifests ??= new Map();
    for (const [digest, manifest] of Object.entries(page.manifest)) {
      if (isDigest(digest)) manifests.set(digest, listedManifest(manifest));
    }
  }
  return known ? { tags: [...tags], manifests, children: [...children] } : undefined;
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

function parse(text: string, remote: Remote): z.infer<typeof listingSchema> {
  try {
    return listingSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new RegistryError(
      "unexpected-response",
      "the registry's list of tags is not what the specification says",
      {
        where: remote.name,
        cause,
      },
    );
  }
}
