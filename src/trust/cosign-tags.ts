import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { phrase } from "../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  describeBytes,
  digestOf,
  formatReference,
  type ImageDocument,
  limits,
  mediaTypes,
  readImageContent,
  type Tag,
} from "../oci/index.ts";
import { placeOf, RegistryError, type Repository } from "../registry/index.ts";

/**
 * What a layer under a tag of cosign's is known by: its descriptor with its annotations, for signatures of one payload
 * are the same blob and differ in these alone.
 */
export function layerIdentity({ mediaType, digest, size, annotations = {} }: Descriptor): Digest {
  const sorted = Object.entries(annotations).sort(([one], [other]) => (one < other ? -1 : 1));
  return digestOf(Buffer.from(JSON.stringify([mediaType, digest, size, sorted])));
}

/** Layers of the manifest under a tag of cosign's. @throws {OciError} for what is no image manifest. */
export function layersOf(document: ImageDocument, where?: string): readonly Descriptor[] {
  const { kind, blobs } = readImageContent(document, where);
  return kind === "manifest" ? blobs.slice(1) : [];
}

/** Bytes of a layer that is brought from tag to tag, at most: it is in memory as a whole. */
export const maxLayerBytes = 256 * 1024 * 1024;

/** A layer that is to be under a tag, and where its bytes come from. */
export interface TagLayer {
  readonly descriptor: Descriptor;
  readonly content: () => Promise<Uint8Array>;
}

/** Layers that are to be under a tag beside those that are there. */
export interface TagMerge {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly layers: readonly TagLayer[];
  /** The manifest that holds them elsewhere: it is put as it is, byte for byte, where nothing of what is here gets lost by that. */
  readonly whole?: ImageDocument | undefined;
  /** The config of {@link TagMerge.whole}, where that is given. */
  readonly config?: (() => Promise<Uint8Array>) | undefined;
}

/**
 * The manifest that has all layers of the present one and those that are wanted: `undefined` when the present one has them
 * all. The same layers in any order of writers come to the same set; what is there stays in its order.
 * @throws {RegistryError} `too-large` for more layers than cosign reads.
 */
export function mergedManifest(
  present: ImageDocument | undefined,
  wanted: readonly Descriptor[],
  whole: ImageDocument | undefined,
  where: string,
): { readonly document: ImageDocument; readonly config: ImageDocument | undefined } | undefined {
  if (present !== undefined && readImageContent(present, where).kind !== "manifest") {
    throw new RegistryError(
      "referrers-tag-taken",
      phrase`the tag stands for an index, which holds no signatures`,
      {
        where,
        hint: "it is left as it is: find out who put it there, and delete it when nobody needs it",
      },
    );
  }
  const held = present === undefined ? [] : layersOf(present, where);
  const known = new Set(held.map(layerIdentity));
  const added = wanted.filter((layer) => {
    const identity = layerIdentity(layer);
    const isNew = !known.has(identity);
    known.add(identity);
    return isNew;
  });
  if (added.length === 0) return undefined;
  const all = [...held, ...added];
  if (all.length > maxLayers) {
    throw new RegistryError("too-large", phrase`more than ${maxLayers} layers would be under one tag`, {
      where,
      hint: "cosign reads no more: delete signatures that nobody needs, or sign in the newer layout",
    });
  }
  if (whole !== undefined) {
    const layers = layersOf(whole, where).map(layerIdentity);
    const identities = new Set(all.map(layerIdentity));
    const isTheUnion = layers.length === identities.size && layers.every((layer) => identities.has(layer));
    if (isTheUnion) return { document: whole, config: undefined };
  }
  const config = configOf(all);
  const base = jsonOf(present ?? whole);
  const { ociManifest: mediaType } = mediaTypes;
  const fields = {
    ...base,
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: all.map(asWritten),
  };
  const bytes = Buffer.from(JSON.stringify(fields));
  if (bytes.length > limits.manifestBytes) {
    throw new RegistryError(
      "too-large",
      phrase`the manifest under the tag would have ${bytes.length} bytes`,
      {
        where,
      },
    );
  }
  return { document: { descriptor: describeBytes(mediaType, bytes), bytes }, config };
}

/** Layers that cosign reads under one tag. */
const maxLayers = 1_000;

/** Annotations of the manifest stay; all else is written anew. */
const manifestFields = z.object({ annotations: z.optional(z.record(z.string(), z.string())) });

function jsonOf(document: ImageDocument | undefined): object {
  if (document === undefined) return {};
  const parsed = manifestFields.safeParse(JSON.parse(Buffer.from(document.bytes).toString()));
  return parsed.success ? parsed.data : {};
}

function asWritten({ mediaType, size, digest, annotations }: Descriptor): object {
  return { mediaType, size, digest, ...(annotations === undefined ? {} : { annotations }) };
}

const never = "0001-01-01T00:00:00Z";

/** As cosign writes it: of the layers alone, so that the same layers give the same config. */
function configOf(layers: readonly Descriptor[]): ImageDocument {
  const history = layers.map(() => ({ created: never }));
  const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
  const json = { architecture: "", created: never, history, os: "", rootfs, config: {} };
  const bytes = Buffer.from(JSON.stringify(json));
  return { descriptor: describeBytes(mediaTypes.ociConfig, bytes), bytes };
}

/** Writes tags of cosign's in one run, and looks at them again at its end. */
export interface CosignTags {
  /**
   * Brings layers under a tag, beside those that are there: whoever reads it sees no fewer than before.
   * @throws {RegistryError} when it cannot be read or written: nothing is known to be there then.
   */
  merge(merge: TagMerge): Promise<void>;
  /**
   * Looks again at what was written, after longer than others take who had read before, and mends it: a registry has no way
   * to write only if nobody else has written.
   * @returns By address and tag, why what was written did not stay.
   */
  confirm(): Promise<ReadonlyMap<string, unknown>>;
}

/** What a tag is called in what {@link CosignTags.confirm} gives. */
export function tagPlace({ address }: Pick<Repository, "address">, tag: Tag): string {
  return `${address}:${tag}`;
}

/** Looks at a tag, at the end, that others go on writing. */
const maxLooks = 8;
/** Milliseconds between writing and looking, where the repository does not say. */
const usualSettling = 2_000;

/** What was brought under a tag, and when it was last written. */
interface WrittenTag {
  readonly merges: readonly TagMerge[];
  readonly at: number;
}

/** Whoever writes a tag in this process waits for whoever does already, by its place. */
const turns = new Map<string, Promise<unknown>>();

function inTurn<Result>(place: string, work: () => Promise<Result>): Promise<Result> {
  const mine = (turns.get(place) ?? Promise.resolve()).then(work);
  const ended = mine.catch(() => {});
  turns.set(place, ended);
  void ended.then(() => {
    if (turns.get(place) === ended) turns.delete(place);
  });
  return mine;
}

/** Begins with nothing written. */
export function openCosignTags(): CosignTags {
  const written = new Map<string, WrittenTag>();

  /** Whether something had to be written. */
  const mergeOnce = async (merges: readonly TagMerge[]): Promise<boolean> => {
    const [first] = merges;
    if (first === undefined) return false;
    const { repository, tag } = first;
    const where = formatReference(repository.name, tag);
    const layers = merges.flatMap((each) => each.layers);
    const present = await repository.fetch(tag);
    const whole = merges.find((each) => each.whole !== undefined);
    const merged = mergedManifest(
      present,
      layers.map(({ descriptor }) => descriptor),
      whole?.whole,
      where,
    );
    if (merged === undefined) return false;
    const known = new Set(present === undefined ? [] : layersOf(present, where).map(({ digest }) => digest));
    const added = layers.filter(({ descriptor: { digest } }) => !known.has(digest));
    await Promise.all(added.map((layer) => pushSmall(repository, layer)));
    await pushSmall(repository, configFor(merged, whole));
    await repository.put(merged.document, [tag]);
    return true;
  };

  /** Looks until nothing had to be written any more: `false` when others go on writing. Each tag waits for itself, by its registry's time. */
  const isKept = async (place: string, { merges, at }: WrittenTag): Promise<boolean> => {
    let writtenAt = at;
    for (let look = 0; look < maxLooks; look += 1) {
      const least = merges[0]?.repository.settling ?? usualSettling;
      // By chance, so that two who have collided do not collide again.
      const settling = look === 0 ? least : least * (1 + Math.random() / 2);
      await sleep(Math.max(0, writtenAt + settling - performance.now()));
      if (!(await inTurn(place, () => mergeOnce(merges)))) return true;
      writtenAt = performance.now();
    }
    return false;
  };

  return {
    async merge(merge) {
      const place = tagPlace(merge.repository, merge.tag);
      await inTurn(place, async () => {
        if (!(await mergeOnce([merge]))) return;
        const merges = [...(written.get(place)?.merges ?? []), merge];
        written.set(place, { merges, at: performance.now() });
      });
    },
    async confirm() {
      const lost = new Map<string, unknown>();
      await Promise.all(
        Array.from(written, async ([place, tag]) => {
          try {
            const [first] = tag.merges;
            if (first !== undefined && !(await isKept(place, tag))) lost.set(place, overwritten(first));
          } catch (error) {
            lost.set(place, error);
          }
        }),
      );
      return lost;
    },
  };
}

function configFor(
  { document, config }: { readonly document: ImageDocument; readonly config: ImageDocument | undefined },
  whole: TagMerge | undefined,
): TagLayer {
  if (config !== undefined) return { descriptor: config.descriptor, content: async () => config.bytes };
  const [descriptor] = readImageContent(document).blobs;
  const content = whole?.config;
  if (descriptor === undefined || content === undefined) throw new TypeError("a manifest without its config");
  return { descriptor, content };
}

async function pushSmall(repository: Repository, { descriptor, content }: TagLayer): Promise<void> {
  if (await repository.has(descriptor)) return;
  const bytes = await content();
  await repository.push(descriptor, async (from) => bytes.subarray(from), {
    inMemory: bytes.length < 1 << 20,
  });
}

function overwritten({ repository, tag }: TagMerge): RegistryError {
  return new RegistryError(
    "referrer-unconfirmed",
    phrase`the tag ${tag} did not keep what was put under it`,
    {
      ...placeOf(repository),
      where: formatReference(repository.name, tag),
      hint: "somebody else writes it: run again when nobody else signs this image",
    },
  );
}
