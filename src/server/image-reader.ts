import pLimit from "p-limit";
import { failureRecord } from "../errors/index.ts";
import {
  hasImage,
  type ImageContents,
  keepContents,
  keptContents,
  mirrorsOf,
  readContents,
} from "../history/index.ts";
import { type Descriptor, type Digest, parseRepository } from "../oci/index.ts";
import type { ServerParts } from "./model.ts";

/** What could not be read, and why: it is not absent. */
export interface UnreadImage {
  readonly what: string;
  readonly why: string;
}

/** What a registry says of an image. */
export interface ReadImage {
  readonly contents: ImageContents | undefined;
  /** Manifests that hang on it: signatures, provenance, SBOMs; `undefined` where they could not be read. */
  readonly referrers: readonly Descriptor[] | undefined;
  /** The repository that has answered. */
  readonly from: string | undefined;
  readonly unread: readonly UnreadImage[];
}

/** Reads images for whoever looks at them, each once for a while. */
export interface ImageReader {
  /** Never throws for what a registry does. */
  read(image: string, digest: Digest): Promise<ReadImage>;
  /** What a digest is made of, from the registry only where nobody has looked before. */
  contents(image: string, digest: Digest): Promise<ImageContents | undefined>;
}

/** Milliseconds for which an answer counts: what hangs on an image may become more, and who is away comes back. */
const freshFor = 30_000;
const maxKnown = 500;
/** Requests for images that are read at the same time, in this process. */
const atOnce = 4;
/** Mirrors that are asked where staging does not have it any more. */
const maxMirrors = 2;

/** Opens one over the registries that the server may read. */
export function openImageReader({
  db,
  withRegistries,
}: Pick<ServerParts, "db" | "withRegistries">): ImageReader {
  const limit = pLimit(atOnce);
  const known = new Map<string, { readonly until: number; readonly answer: Promise<ReadImage> }>();
  const look = async (image: string, digest: Digest): Promise<ReadImage> => {
    const kept = await keptContents(db, { image, digest });
    // Nobody else is asked: what a pull request names may be any address of this network.
    if (!(await hasImage(db, image))) {
      const why =
        "no merged manifest names that repository and no run has pushed to it: a server asks no other one";
      return { contents: kept, referrers: undefined, from: undefined, unread: [{ what: image, why }] };
    }
    const places = [image, ...(await mirrorsOf(db, image)).slice(0, maxMirrors)];
    const unread: UnreadImage[] = [];
    const missing = { contents: kept, referrers: undefined, from: undefined, unread };
    const found = await withRegistries(async (open): Promise<ReadImage> => {
      for (const place of places) {
        try {
          const repository = open(parseRepository(place));
          const contents = kept ?? (await readContents(repository, digest));
          if (contents === undefined) continue;
          // What it is made of is known: whether it still is there is not.
          if (kept !== undefined && (await repository.resolve(digest)) === undefined) continue;
          return { contents, referrers: await repository.referrers(digest), from: place, unread };
        } catch (error) {
          unread.push({ what: place, why: failureRecord(error).message });
        }
      }
      return missing;
    }).catch((error: unknown): ReadImage => {
      unread.push({ what: image, why: failureRecord(error).message });
      return missing;
    });
    if (kept === undefined && found.contents !== undefined) {
      await keepContents(db, { image, digest }, found.contents, new Date());
    }
    return found;
  };
  const read = (image: string, digest: Digest): Promise<ReadImage> => {
    const name = `${image}@${digest}`;
    const now = performance.now();
    const found = known.get(name);
    if (found !== undefined && found.until > now) return found.answer;
    known.delete(name);
    const [oldest] = known.keys();
    if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest);
    const answer = limit(() => look(image, digest));
    known.set(name, { until: now + freshFor, answer });
    answer.catch(() => known.delete(name));
    return answer;
  };
  return {
    read,
    contents: async (image, digest) =>
      (await keptContents(db, { image, digest })) ?? (await read(image, digest)).contents,
  };
}
