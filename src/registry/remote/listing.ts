import * as z from "zod/mini";
import type { Answer } from "../../http/index.ts";
import { type Digest, isDigest, isRepositoryPath, isTag, type Tag } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { HostClient } from "../host/host-client.ts";
import type { ListedManifest, Listing } from "../repository.ts";
import { refusal, saysAbsent, unproven } from "./answer.ts";
import { type JsonMember, readMembers } from "./json-members.ts";
import { hearOfMissing } from "./missing-repository.ts";
import { ListHabits } from "./pagination.ts";
import { type Remote, reading, urlIn } from "./remote.ts";

const pageBytes = 64 * 1024 * 1024;
/** Things of each kind that a repository lists, beyond which it is refused: each of them is kept in memory. */
const maxListed = { tags: 2_000_000, manifests: 500_000, children: 500_000 };
/**
 * Tags on a page. Google's registries give all they are asked for; others refuse more than this (Amazon's), and some are
 * set to refuse more than the least.
 */
const pageSize = { offering: 10_000, other: 1_000, least: 100 };
const habits = new ListHabits();

const fields: ReadonlySet<string> = new Set(["tags", "child", "manifest"]);

interface ListingPage {
  readonly tags: string[];
  readonly children: string[];
  /** Where the registry lists manifests. */
  readonly manifests: Map<Digest, ListedManifest> | undefined;
}

const manifestSchema = z.object({
  tag: z.nullish(z.array(z.string())),
  mediaType: z.nullish(z.string()),
  imageSizeBytes: z.nullish(z.union([z.string(), z.number()])),
  timeUploadedMs: z.nullish(z.union([z.string(), z.number()])),
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
  let held = 0;
  let misnamed = 0;
  for await (const page of listedPages(remote)) {
    known = true;
    for (const tag of page.tags) {
      if (isTag(tag)) tags.add(tag);
      else misnamed += 1;
    }
    for (const child of page.children) {
      if (isRepositoryPath(child)) children.add(child);
      else misnamed += 1;
    }
    if (page.manifests === undefined) complete = false;
    for (const [digest, manifest] of page.manifests ?? []) {
      manifests.set(digest, manifest);
      held += manifest.tags.length;
    }
    refuseTooMany({ tags: tags.size + held, manifests: manifests.size, children: children.size }, remote);
  }
  if (!known) return undefined;
  if (complete) offering.add(remote.client);
  return {
    tags: [...tags],
    manifests: complete ? manifests : undefined,
    children: [...children],
    misnamed,
  };
}

function listedPages(remote: Remote): AsyncGenerator<ListingPage> {
  const { client, name } = remote;
  const size = offersManifests(client) ? pageSize.offering : pageSize.other;
  return habits.whole({
    client,
    url: urlIn(remote, "tags/list"),
    where: name,
    sizes: [size, pageSize.least],
    send: (url) => client.send(reading(remote, "list", "GET", url), pageBytes),
    async read(answer) {
      hearOfMissing(remote, answer);
      if (answer.status === 200) return await parse(answer, remote);
      if (answer.status !== 404) throw await refusal(remote, answer, "listing tags");
      if (saysAbsent(answer)) return undefined;
      throw unproven(remote, answer, "listing tags");
    },
    names: ({ tags }) => tags,
    isWhole: ({ manifests }) => manifests !== undefined,
  });
}

function listedManifest(json: unknown): ListedManifest {
  const { tag, mediaType, imageSizeBytes, timeUploadedMs } = manifestSchema.parse(json);
  const size = Number(imageSizeBytes ?? Number.NaN);
  const uploaded = Number(timeUploadedMs ?? Number.NaN);
  return {
    tags: (tag ?? []).filter(isTag),
    mediaType: mediaType ?? undefined,
    imageSize: Number.isFinite(size) ? size : undefined,
    uploadedAt: Number.isFinite(uploaded) ? new Date(uploaded) : undefined,
  };
}

async function parse({ bytes }: Answer, remote: Remote): Promise<ListingPage> {
  const tags: string[] = [];
  const children: string[] = [];
  const manifests = new Map<Digest, ListedManifest>();
  /** Tags of manifests, too: each is a string in memory. */
  let held = 0;
  const take = ({ field, key, value }: JsonMember): void => {
    if (field === "manifest") {
      if (key === undefined) throw new SyntaxError("manifest is no object");
      const manifest = listedManifest(value);
      held += manifest.tags.length;
      if (isDigest(key)) manifests.set(key, manifest);
    } else {
      if (typeof value !== "string" || key !== undefined)
        throw new SyntaxError(`${field} is no list of names`);
      (field === "tags" ? tags : children).push(value);
    }
    refuseTooMany({ tags: tags.length + held, manifests: manifests.size, children: children.length }, remote);
  };
  try {
    const found = await readMembers(bytes, fields, take);
    if (found.size === 0) throw new SyntaxError("it has no tags, be they null");
    return { tags, children, manifests: found.get("manifest") === true ? manifests : undefined };
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError("unexpected-response", "the registry's list of tags is no list of tags", {
      where: remote.name,
      hint: `ask whoever runs ${remote.client.endpoint.host}, or what stands before it`,
      cause,
    });
  }
}

function refuseTooMany(listed: typeof maxListed, { name }: Remote): void {
  for (const kind of ["tags", "manifests", "children"] as const) {
    if (listed[kind] <= maxListed[kind]) continue;
    const message = `the repository lists more than ${maxListed[kind]} ${kind}`;
    throw new RegistryError("too-large", message, { where: name });
  }
}
