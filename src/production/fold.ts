import { createHash } from "node:crypto";
import { formatPlace } from "../diagnostics/index.ts";
import type { EdgeSet } from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import { parseRepository, splitRepository } from "../oci/index.ts";
import { type EdgeTrouble, isDeepTrouble } from "./health.ts";
import { listPlace } from "./list-order.ts";
import type { SeenTrouble } from "./model.ts";

/** What a look has found of one project. */
export interface FoldedProject {
  readonly project: string;
  /** By the name of the mirror, the registry that the project has there. */
  readonly registries: ReadonlyMap<string, string>;
  readonly images: readonly FoldedImage[];
  /** The same as long as the same is asked for, and the same of it is not there. */
  readonly askedMark: string;
  /** The same as long as looking into the images finds the same. */
  readonly deepMark: string;
}

/** One image that a project asks for, with what of it is not as asked. */
export interface FoldedImage {
  /** Its name and digest: what it is known by within the project. */
  readonly key: string;
  readonly place: string;
  readonly name: string;
  readonly digest: string;
  readonly source: string;
  /** `file:line:column` of the digest. */
  readonly at: string;
  readonly tags: readonly string[];
  readonly mirrors: readonly string[];
  readonly shallow: readonly MirrorTrouble[];
  readonly deep: readonly MirrorTrouble[];
}

/** What is not as asked of an image at a mirror. */
export interface MirrorTrouble {
  readonly mirror: string;
  /** `null` for the image as a whole. */
  readonly tag: string | null;
  readonly trouble: EdgeTrouble;
  readonly current: string | undefined;
  readonly cause: KnownCause | undefined;
}

/** Why something failed, in words that are the same for all that failed for it. */
export interface KnownCause {
  readonly key: string;
  readonly code: string;
  readonly host: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** What is found of most images. */
const sound: Pick<FoldedImage, "shallow" | "deep"> = { shallow: [], deep: [] };

/** Puts together what manifests ask for and what of it was found not to be so, by project: a pure function. */
export function foldLook(edges: EdgeSet, troubles: Iterable<SeenTrouble>): readonly FoldedProject[] {
  const troublesOf = indexOf(troubles);
  const contested = contestedIn(edges);
  const projects = new Map<string, { registries: Map<string, string>; images: Map<string, FoldedImage> }>();
  const mirrorsOf = new Map<PromoterManifest, readonly Mirror[]>();
  for (const { manifest, name, source, images } of edges.feeds) {
    const mirrors = mirrorsOf.get(manifest) ?? mirrorsIn(manifest);
    mirrorsOf.set(manifest, mirrors);
    const folded = projects.get(manifest.project) ?? { registries: new Map(), images: new Map() };
    projects.set(manifest.project, folded);
    const names: string[] = [];
    const places: {
      readonly mirror: string;
      readonly destination: string;
      readonly seen: Seen | undefined;
    }[] = [];
    for (const { mirror, registry } of mirrors) {
      folded.registries.set(mirror, registry);
      const destination = parseRepository(`${registry}/${name}`);
      names.push(mirror);
      places.push({ mirror, destination, seen: troublesOf(destination) });
    }
    const troubled = places.filter(({ seen }) => seen !== undefined);
    for (const { digest, tags, sources } of images) {
      const found = troubled.flatMap(({ mirror, destination, seen }) =>
        (seen?.get(digest) ?? []).map((trouble): MirrorTrouble => {
          const isContested = trouble.tag !== null && contested.get(destination)?.has(trouble.tag) === true;
          return {
            ...trouble,
            mirror,
            trouble: isContested && trouble.trouble !== "unread" ? "contested" : trouble.trouble,
          };
        }),
      );
      const words = tags.map(({ tag }) => tag);
      const key = `${name} ${digest}`;
      const image: FoldedImage = {
        ...{ key, place: listPlace(name, digest, words), name, digest, source, tags: words },
        at: formatPlace(sources[0].at),
        mirrors: names,
        ...(found.length === 0
          ? sound
          : {
              shallow: found.filter(({ trouble }) => !isDeepTrouble(trouble)),
              deep: found.filter(({ trouble }) => isDeepTrouble(trouble)),
            }),
      };
      const known = folded.images.get(key);
      folded.images.set(key, known === undefined ? image : bothOf(known, image));
    }
  }
  return Array.from(projects, ([project, { registries, images }]) => {
    const list = [...images.values()].sort((one, other) => (one.place < other.place ? -1 : 1));
    return { project, registries, images: list, ...marksOf(registries, list) };
  });
}

interface Mirror {
  readonly mirror: string;
  readonly registry: string;
}

/** A mirror is known by its host, or by the whole registry where a manifest has several of one host. */
function mirrorsIn({ destinations }: PromoterManifest): readonly Mirror[] {
  const named = destinations.map(({ name }) => ({
    registry: name,
    host: splitRepository(parseRepository(`${name}/x`)).host,
  }));
  return named
    .map(({ registry, host }) => {
      const isAlone = named.filter((other) => other.host === host).length === 1;
      return { mirror: isAlone ? host : registry, registry };
    })
    .sort((one, other) => (one.mirror < other.mirror ? -1 : 1));
}

type FoundTrouble = Omit<MirrorTrouble, "mirror">;
type Seen = ReadonlyMap<string, readonly FoundTrouble[]>;

function indexOf(troubles: Iterable<SeenTrouble>): (destination: string) => Seen | undefined {
  const destinations = new Map<string, Map<string, FoundTrouble[]>>();
  const causes = new Map<FailureRecord, KnownCause>();
  for (const { destination, digest, tag, trouble, current, failure } of troubles) {
    const digests = destinations.get(destination) ?? new Map<string, FoundTrouble[]>();
    destinations.set(destination, digests);
    const list = digests.get(digest) ?? [];
    digests.set(digest, list);
    const cause = failure && (causes.get(failure) ?? causeOf(failure));
    if (failure !== undefined && cause !== undefined) causes.set(failure, cause);
    list.push({ tag, trouble, current, cause });
  }
  return (destination) => destinations.get(destination);
}

/** Words of others are bounded: a registry may say as much as it likes. */
const mostSaid = 500;

function causeOf({ code, message, hint, host, registry, status, pattern }: FailureRecord): KnownCause {
  const where = host ?? registry;
  const said = pattern ?? `${message}\n${hint ?? ""}`;
  const key = createHash("sha256")
    .update(JSON.stringify([code, where, status, said]))
    .digest("hex")
    .slice(0, 32);
  return { key, code, host: where, message: message.slice(0, mostSaid), hint: hint?.slice(0, mostSaid) };
}

function contestedIn({ groups }: EdgeSet): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    groups.flatMap(({ destinations, contested }) => {
      const tags = new Set<string>(contested.keys());
      return tags.size === 0 ? [] : destinations.map((destination) => [destination, tags] as const);
    }),
  );
}

/** The same image by another manifest of the project. */
function bothOf(known: FoldedImage, image: FoldedImage): FoldedImage {
  const tags = [...new Set([...known.tags, ...image.tags])];
  return {
    ...known,
    ...{ tags, place: listPlace(known.name, known.digest, tags) },
    mirrors: [...new Set([...known.mirrors, ...image.mirrors])].sort(),
    shallow: [...known.shallow, ...image.shallow],
    deep: [...known.deep, ...image.deep],
  };
}

/** A mark of what is asked of an image, which differs as soon as that does. */
export function askedMark(image: FoldedImage): string {
  return createHash("sha256").update(askedText(image)).digest("base64url").slice(0, 22);
}

function askedText({ name, digest, source, at, tags, mirrors }: FoldedImage): string {
  return JSON.stringify([name, digest, source, at, tags, mirrors]);
}

function marksOf(
  registries: ReadonlyMap<string, string>,
  images: readonly FoldedImage[],
): Pick<FoldedProject, "askedMark" | "deepMark"> {
  const asked = createHash("sha256").update(JSON.stringify([...registries]));
  const deep = createHash("sha256");
  for (const image of images) {
    asked.update(askedText(image));
    if (image.shallow.length > 0) asked.update(troublesText(image.shallow));
    if (image.deep.length > 0) deep.update(`${image.key}${troublesText(image.deep)}`);
  }
  return { askedMark: asked.digest("hex"), deepMark: deep.digest("hex") };
}

function troublesText(troubles: readonly MirrorTrouble[]): string {
  return JSON.stringify(
    troubles.map(({ mirror, tag, trouble, current, cause }) => [mirror, tag, trouble, current, cause?.key]),
  );
}
