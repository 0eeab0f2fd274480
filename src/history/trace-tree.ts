import { formatPlace } from "../diagnostics/index.ts";
import { type DesiredImage, type DesiredRepository, type EdgeSet, edgesOf } from "../edges/index.ts";
import { failureRecord } from "../errors/index.ts";
import { type LineOrigin, originOfLine } from "../git/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import { type Digest, isDigest, parseReference, type RepositoryName } from "../oci/index.ts";
import { lookForArrivals, type OpenRepository } from "../promotion/index.ts";
import { type FoundProvenance, findProvenance } from "../provenance/index.ts";
import { type ImageLife, isThere, type MirrorLife, type Station } from "./life.ts";

/** An image that manifests ask for. */
export interface TracedImage {
  /** The staging repository. */
  readonly image: RepositoryName;
  readonly digest: Digest;
  readonly tags: readonly string[];
}

/** Images that are listed where a reference is of several. */
const maxFound = 20;

/**
 * Which images of manifests somebody means: by `host/path:tag` or `host/path@digest` of staging or of a mirror, by the end of such a name,
 * by a tag, or by the first digits of a digest.
 * @returns Each once; more than 20 are cut off.
 */
export function findInTree(
  reference: string,
  manifests: readonly PromoterManifest[],
): readonly TracedImage[] {
  const { name, tag, digest } = partsOf(reference);
  const found = new Map<string, TracedImage>();
  for (const { manifest, name: own, source, images } of edgesOf(manifests).feeds) {
    const repositories = [source, ...manifest.destinations.map((registry) => `${registry.name}/${own}`)];
    const isNamed =
      name === undefined || repositories.some((each) => each === name || each.endsWith(`/${name}`));
    if (!isNamed) continue;
    for (const image of images) {
      const tags = image.tags.map((each) => each.tag);
      if (digest !== undefined && !image.digest.startsWith(digest)) continue;
      if (tag !== undefined && !tags.some((each) => each === tag)) continue;
      const key = `${source}@${image.digest}`;
      const known = found.get(key);
      if (known === undefined && found.size >= maxFound) return [...found.values()];
      const all = [...new Set([...(known?.tags ?? []), ...tags])];
      found.set(key, { image: source, digest: image.digest, tags: all });
    }
  }
  return [...found.values()];
}

/** What of a reference is said; `digest` is the beginning of one. */
function partsOf(reference: string): { name?: string; tag?: string; digest?: string } {
  const [before = "", after] = reference.split("@", 2);
  if (after !== undefined) return { name: withoutTag(before), digest: after };
  const hex = /^(?:sha256:)?([0-9a-f]{7,64})$/.exec(reference)?.[1];
  if (hex !== undefined) return { digest: `sha256:${hex}` };
  const [, name, tag] = /^(.+):([^/:]+)$/.exec(reference) ?? [];
  if (name !== undefined && tag !== undefined) return { name, tag };
  return reference.includes("/") ? { name: reference } : { tag: reference };
}

function withoutTag(name: string): string {
  return name.replace(/:[^/:]+$/, "");
}

/** What a life is found out from. */
export interface TreeSources {
  readonly manifests: readonly PromoterManifest[];
  readonly open: OpenRepository;
  /** For Git. */
  readonly environment: NodeJS.ProcessEnv;
  readonly now: Date;
}

/**
 * The life of an image as it can be found out without a server: what manifests ask for, who has written that, what registries have now, and
 * what provenance says. Never throws for what a registry or Git does: that is in `unread`.
 */
export async function traceInTree(
  { image, digest, tags }: TracedImage,
  { manifests, open, environment, now }: TreeSources,
): Promise<ImageLife> {
  const unread: { what: string; why: string }[] = [];
  const reading = async <Result>(what: string, read: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await read();
    } catch (error) {
      unread.push({ what, why: failureRecord(error).message });
      return undefined;
    }
  };
  const edges = edgesOf(manifests);
  const desired = desiredOf(edges, image, digest);
  const [asked] = desired.flatMap(({ images }) => images);
  const places = placesOf(asked);
  const [first] = places;
  const [mirrors, staged, provenance, origin] = await Promise.all([
    mirrorsNow(desired, open, now),
    reading(image, async () => (await open(image).resolve(digest)) !== undefined),
    reading(`provenance of ${image}@${digest}`, () => findProvenance(open(image), digest)),
    first && reading(first.text, () => originOfLine(first.file, first.line, environment)),
  ]);
  for (const { repository, state, why } of mirrors) {
    if (state === "unread") unread.push({ what: repository, why: why ?? "nobody says why" });
  }
  const isAnywhere = mirrors.some(isThere);
  return {
    ...{ format: "waybill-trace/1", image, digest, mirrors, unread, pulls: [], events: [] },
    tags: tags.map((tag) => ({ tag })),
    stations: [
      ...origins(provenance),
      stagingStation(staged, tags),
      requestStation(first !== undefined, origin),
      promotionStation(isAnywhere, mirrors.length > 0),
      mirrorsStation(mirrors),
    ],
    askedBy: places.map(({ text, tags: of }) => ({ place: text, tags: of, commit: origin?.commit })),
  };
}

/** What is desired of one digest, of that source alone. */
function desiredOf(edges: EdgeSet, source: RepositoryName, digest: Digest): readonly DesiredRepository[] {
  return edges.groups.flatMap(({ destinations, feeds, images, contested }) => {
    if (!feeds.some((feed) => feed.source === source)) return [];
    const own = images.filter((image) => image.digest === digest);
    return own.length === 0
      ? []
      : destinations.map((destination) => ({ destination, images: own, contested }));
  });
}

interface AskingPlace {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly tags: string[];
}

function placesOf(image: DesiredImage | undefined): readonly AskingPlace[] {
  if (image === undefined) return [];
  const places = new Map<string, AskingPlace>();
  for (const { at } of image.sources) {
    const place = { file: at.file, line: at.line, text: formatPlace(at), tags: [] };
    places.set(`${at.file}:${at.line}`, place);
  }
  for (const { tag, at } of image.tags) {
    const key = `${at.file}:${at.line}`;
    const place = places.get(key) ?? { file: at.file, line: at.line, text: formatPlace(at), tags: [] };
    place.tags.push(tag);
    places.set(key, place);
  }
  return [...places.values()];
}

async function mirrorsNow(
  desired: readonly DesiredRepository[],
  open: OpenRepository,
  now: Date,
): Promise<readonly MirrorLife[]> {
  const { absent } = await lookForArrivals({ repositories: desired }, open);
  return desired.map(({ destination: repository, images }) => {
    const [worst] = absent.filter((edge) => edge.destination === repository);
    const why = worst?.failure?.message ?? (worst?.current && `the tag stands at ${worst.current}`);
    return {
      ...{ repository, state: worst?.state ?? "there", why },
      tags: images.flatMap((image) => image.tags.map(({ tag }) => tag)),
      lookedAt: now.toISOString(),
    };
  });
}

function origins(found: FoundProvenance | undefined): readonly Station[] {
  if (found === undefined || found.about === "other") {
    const nothing = { state: "unknown", who: [] } as const;
    return [
      { ...nothing, name: "commit", text: "no provenance says it" },
      { ...nothing, name: "build", text: "no provenance says it" },
    ];
  }
  const { commit, source, run, builder, finishedAt } = found.provenance;
  return [
    {
      ...{ name: "commit", state: commit === undefined ? "unknown" : "done", who: [], commit, repo: source },
      text: commit === undefined ? "its provenance names none" : commit.slice(0, 12),
    },
    {
      ...{ name: "build", state: "done", who: [], at: finishedAt },
      text: `${run ?? builder ?? "by nobody in particular"}, as its provenance says`,
    },
  ];
}

function stagingStation(staged: boolean | undefined, tags: readonly string[]): Station {
  const name = "staging";
  if (staged === undefined) return { name, state: "unknown", text: "could not be read", who: [] };
  if (!staged) return { name, state: "unknown", text: "it is not there any more", who: [] };
  return { name, state: "done", text: tags.join(", ") || "without a tag", who: [] };
}

/** What brought the line to the manifests: the merge of a pull request, as far as Git says. */
function requestStation(isAsked: boolean, origin: LineOrigin | undefined): Station {
  const name = "pull-request";
  if (!isAsked) return { name, state: "waiting", text: "no line of the manifests asks for it", who: [] };
  if (origin === undefined) {
    return { name, state: "unknown", text: "the line is in no commit that can be read", who: [] };
  }
  const { merge = origin, commit, author } = origin;
  return {
    ...{ name, state: "done", at: merge.at.toISOString(), text: merge.subject, commit },
    who: [`${author} wrote the line`],
  };
}

function promotionStation(isAnywhere: boolean, isAsked: boolean): Station {
  const name = "promotion";
  if (isAnywhere) {
    return { name, state: "done", text: "by whom is not in Git: a server knows it", who: [] };
  }
  return { name, state: isAsked ? "waiting" : "unknown", text: "it is nowhere in production", who: [] };
}

function mirrorsStation(mirrors: readonly MirrorLife[]): Station {
  const name = "mirrors";
  const there = mirrors.filter(isThere).length;
  const unread = mirrors.filter(({ state }) => state === "unread").length;
  const text = `${there} of ${mirrors.length}${unread === 0 ? "" : `, ${unread} unread`}`;
  if (mirrors.length === 0) return { name, state: "unknown", text: "none is asked for", who: [] };
  if (there === mirrors.length) return { name, state: "done", text, who: [] };
  return { name, state: there + unread === mirrors.length ? "unknown" : "failed", text, who: [] };
}

/** What a reference names by itself, where no manifest has it; `undefined` where it names no repository with a tag or digest. */
export async function findInRegistry(
  reference: string,
  open: OpenRepository,
): Promise<TracedImage | undefined> {
  if (!/[./:].*\//.test(reference)) return undefined;
  const { repository, tag, digest } = parseReference(reference);
  if (digest !== undefined) return { image: repository, digest, tags: tag === undefined ? [] : [tag] };
  if (tag === undefined) return undefined;
  const found = (await open(repository).resolve(tag))?.digest;
  return found !== undefined && isDigest(found)
    ? { image: repository, digest: found, tags: [tag] }
    : undefined;
}
