import { type Digest, mediaTypes, type RepositoryPath, type Tag } from "../oci/index.ts";
import { answerJson, type Exchange } from "./exchange.ts";
import { serverLimits } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import { type RouteTo, requestedDigest } from "./route.ts";
import type { Holdings } from "./storage.ts";

/** `GET /v2/_catalog`: the names of all repositories, in pages. Not in the specification, but in every client. */
export async function getCatalog(exchange: Exchange, { catalog }: Holdings): Promise<void> {
  const page = pageOf(await catalog.list(), exchange.query, compareBytes);
  answerJson(exchange, { repositories: page.names }, linkTo("/v2/_catalog", page.next));
}

/** `GET` of the tags of a repository, in pages ("Listing Tags"). */
export async function getTags(exchange: Exchange, holdings: Holdings, { repository }: RouteTo<"tags">) {
  const tags = await holdings.manifests.tags(repository);
  if (tags.length === 0 && !(await holdings.catalog.has(repository))) throw repositoryUnknown(repository);
  const page = pageOf(tags.sort(compareTags), exchange.query, compareTags);
  const link = linkTo(`/v2/${repository}/tags/list`, page.next);
  answerJson(exchange, { name: repository, tags: page.names }, link);
}

/**
 * The same with Google's extension: all manifests with their tags, and the names that continue this one. As at
 * Google, one answer holds everything, and a name that only others continue is listed too.
 */
export async function getExtendedTags(
  exchange: Exchange,
  holdings: Holdings,
  { repository }: RouteTo<"tags">,
) {
  const children = await holdings.catalog.children(repository);
  if (children.length === 0 && !(await holdings.catalog.has(repository))) throw repositoryUnknown(repository);
  const tagDigests = [...(await holdings.manifests.tagDigests(repository))].sort((one, other) =>
    compareTags(one[0], other[0]),
  );
  const tagsOf = new Map<Digest, Tag[]>();
  for (const [tag, digest] of tagDigests) tagsOf.set(digest, [...(tagsOf.get(digest) ?? []), tag]);
  const manifest: Record<string, unknown> = {};
  for (const { digest, record } of await holdings.manifests.list(repository)) {
    manifest[digest] = {
      imageSizeBytes: String(record.imageSize),
      layerId: "",
      mediaType: record.mediaType,
      tag: tagsOf.get(digest) ?? [],
      timeCreatedMs: "0",
      timeUploadedMs: String(record.uploadedAt.getTime()),
    };
  }
  answerJson(exchange, { child: children, manifest, name: repository, tags: tagDigests.map(([tag]) => tag) });
}

/** `GET` of the manifests that have this subject, as an index, in pages ("Listing Referrers"). */
export async function getReferrers(
  exchange: Exchange,
  { manifests }: Holdings,
  { repository, subject }: RouteTo<"referrers">,
): Promise<void> {
  const wanted = exchange.query.get("artifactType");
  const last = exchange.query.get("last");
  const entries: string[] = [];
  let length = 0;
  let before: Digest | undefined;
  let next: URLSearchParams | undefined;
  const after = last === null ? undefined : requestedDigest(last);
  for await (const { digest, artifactType, json } of manifests.referrers(repository, subject, after)) {
    if (wanted !== null && artifactType !== wanted) continue;
    length += json.length + 1;
    if (length > serverLimits.referrersPageBytes && before !== undefined) {
      next = new URLSearchParams({ ...(wanted === null ? {} : { artifactType: wanted }), last: before });
      break;
    }
    entries.push(json);
    before = digest;
  }
  exchange.answer(
    200,
    {
      "Content-Type": mediaTypes.ociIndex,
      ...(wanted === null ? {} : { "OCI-Filters-Applied": "artifactType" }),
      ...linkTo(`/v2/${repository}/referrers/${subject}`, next),
    },
    `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[${entries.join(",")}]}`,
  );
}

/**
 * The names after `last`, `n` of them; no page is longer than the limit.
 * @returns With the parameters of the next page, when there is one.
 */
function pageOf<Name extends string>(
  sorted: readonly Name[],
  query: URLSearchParams,
  compare: (one: string, other: string) => number,
): { readonly names: readonly Name[]; readonly next: URLSearchParams | undefined } {
  const asked = query.get("n");
  if (asked !== null && !/^\d{1,9}$/.test(asked)) {
    const message = `n must be a number of names, not ${JSON.stringify(asked.slice(0, 40))}`;
    throw new Refusal("UNSUPPORTED", message, { status: 400 });
  }
  const size = Math.min(asked === null ? Number.POSITIVE_INFINITY : Number(asked), serverLimits.pageEntries);
  const last = query.get("last");
  const rest = last === null ? sorted : sorted.filter((name) => compare(name, last) > 0);
  const names = rest.slice(0, size);
  const end = names.at(-1);
  if (end === undefined || names.length === rest.length) return { names, next: undefined };
  return { names, next: new URLSearchParams({ n: String(size), last: end }) };
}

function linkTo(path: string, next: URLSearchParams | undefined): Record<string, string> {
  return next === undefined ? {} : { Link: `<${path}?${next}>; rel="next"` };
}

/** "Lexical order (i.e. case-insensitive alphanumeric order)", says the specification; `V1` and `v1` need a tie-break. */
function compareTags(one: string, other: string): number {
  return compareBytes(one.toLowerCase(), other.toLowerCase()) || compareBytes(one, other);
}

function compareBytes(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function repositoryUnknown(repository: RepositoryPath): Refusal {
  return new Refusal("NAME_UNKNOWN", `there is no repository ${repository}`);
}
