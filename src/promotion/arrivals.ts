import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Section } from "./plan.ts";
import { type ImageEdge, imageKind, plannedImages } from "./planned-images.ts";
import type { Outcome } from "./section.ts";
import { signatureKind } from "./signatures/planned-signatures.ts";
import { isWork } from "./verdicts.ts";

/** What became of an image. */
export type ImageArrival = "there" | "arrived" | "failed";

/** What becomes of images while a plan is carried out, for whoever attaches something to them. */
export interface Arrivals {
  /**
   * What becomes of an image: `there` at once where nothing is to be done, `arrived` when something of it is done, and
   * `failed` when nothing is. Never rejects.
   */
  of(destination: RepositoryName, digest: Digest): Promise<ImageArrival>;
  /** Tags of an image that were to be put and were not, as far as it is known. */
  lacking(destination: RepositoryName, digest: Digest): ReadonlySet<Tag>;
  /** Nothing was in the repository when the plan was made, and nothing but images is brought there: nothing hangs on them yet. */
  isBare(destination: RepositoryName): boolean;
}

/** Arrivals that are told of outcomes. */
export interface ToldArrivals extends Arrivals {
  take(outcome: Outcome): void;
  /** No more outcomes come: what has none has not arrived. */
  close(): void;
}

interface Wait {
  open: number;
  done: boolean;
  readonly lacking: Set<Tag>;
  readonly arrived: Promise<ImageArrival>;
  readonly settle: (arrival: ImageArrival) => void;
}

/** Waits for the work of a plan's images. */
export function createArrivals(sections: readonly Section[]): ToldArrivals {
  const waits = new Map<string, Wait>();
  for (const { destination, images } of plannedImages({ sections })) {
    for (const { digest, edges } of images) {
      const open = edges.filter(({ verdict }) => isWork(verdict)).length;
      if (open === 0) continue;
      const { promise: arrived, resolve: settle } = withResolvers<ImageArrival>();
      const lacking = new Set(edges.flatMap(({ tag }) => tag ?? []));
      waits.set(`${destination}@${digest}`, { open, done: false, lacking, arrived, settle });
    }
  }
  const bare = new Set<string>();
  for (const { destination, empty } of plannedImages({ sections })) if (empty) bare.add(destination);
  for (const { kind, items } of sections) {
    if (kind === imageKind || kind === signatureKind) continue;
    for (const { destinations = [] } of items as readonly { destinations?: readonly string[] }[])
      for (const destination of destinations) bare.delete(destination);
  }
  return {
    isBare: (destination) => bare.has(destination),
    of: (destination, digest) => waits.get(`${destination}@${digest}`)?.arrived ?? Promise.resolve("there"),
    lacking: (destination, digest) => waits.get(`${destination}@${digest}`)?.lacking ?? new Set(),
    take({ kind, of, failure }) {
      if (kind !== imageKind) return;
      const { destination, image, edge } = of as ImageEdge;
      const wait = waits.get(`${destination}@${image.digest}`);
      if (wait === undefined) return;
      wait.open -= 1;
      wait.done ||= failure === undefined;
      if (failure === undefined && edge.tag !== null) wait.lacking.delete(edge.tag);
      if (wait.open === 0) wait.settle(wait.done ? "arrived" : "failed");
    },
    close() {
      for (const { settle, done } of waits.values()) settle(done ? "arrived" : "failed");
    },
  };
}

function withResolvers<Value>(): {
  promise: Promise<Value>;
  resolve: (value: Value) => void;
} {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
