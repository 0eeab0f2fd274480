import pLimit from "p-limit";
import { type FetchDocument, readGraph } from "../../copy/index.ts";
import { type FailureRecord, failureRecord, phrase } from "../../errors/index.ts";
import { formatReference } from "../../oci/index.ts";
import { placeOf, placing, RegistryError, type Repository } from "../../registry/index.ts";
import {
  type Accompaniment,
  companionKey,
  type Hanging,
  layerIdentity,
  layersOf,
  maxLayerBytes,
} from "../../trust/index.ts";

/** Bytes that travel with one image, at most: anybody who may push to staging may attach anything. */
const bounds = { one: maxLayerBytes, all: 1024 * 1024 * 1024 } as const;
const atOnce = 8;

/** A companion, and why it does not travel after all. */
export type MeasuredCompanion = Accompaniment & { readonly failure?: FailureRecord | undefined };

/**
 * Reads how large companions are that are missing somewhere. One that is too large, or with which it would be too much, and
 * one that cannot be read, has a failure: it is known to be there, and is not brought.
 * @param missing By {@link companionKey}. Nothing is asked about others.
 */
export async function measuredCompanions(
  companions: readonly Accompaniment[],
  missing: ReadonlySet<string>,
  hanging: Hanging,
  from: Repository,
  fetch: FetchDocument,
): Promise<readonly MeasuredCompanion[]> {
  const layers = new Map(
    hanging.tags.flatMap(({ document }) =>
      layersOf(document).map((layer) => [layerIdentity(layer), layer.size]),
    ),
  );
  const sizeOf = async ({ digest, layer }: Accompaniment): Promise<number> => {
    if (layer !== undefined) return layers.get(layer) ?? 0;
    const graph = await placing(from, readGraph(fetch, digest, from.name));
    return graph.blobs.reduce((sum, { size }) => sum + size, 0);
  };
  let left: number = bounds.all;
  return pLimit(atOnce).map(companions, async (companion): Promise<MeasuredCompanion> => {
    if (!missing.has(companionKey(companion))) return companion;
    try {
      const size = await sizeOf(companion);
      if (size > bounds.one || size > left) throw tooLarge(from, companion, size);
      left -= size;
      return companion;
    } catch (error) {
      return { ...companion, failure: failureRecord(error) };
    }
  });
}

function tooLarge(from: Repository, { digest }: Accompaniment, size: number): RegistryError {
  return new RegistryError(
    "too-large",
    phrase`what is attached has ${size} bytes; ${bounds.one} travel in one piece, and ${bounds.all} with one image`,
    {
      ...placeOf(from),
      where: formatReference(from.name, digest),
      hint: "find out who attached it; take it away, or let other kinds travel: trust.travel",
    },
  );
}
