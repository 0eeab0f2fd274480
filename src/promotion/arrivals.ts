import type { Digest, RepositoryName } from "../oci/index.ts";
import type { Section } from "./plan.ts";
import { type ImageEdge, imageKind, plannedImages } from "./planned-images.ts";
import type { Outcome } from "./section.ts";
import { isWork } from "./verdicts.ts";

/** What becomes of images while a plan is carried out, for whoever attaches something to them. */
export interface Arrivals {
  /**
   * Whether what was to be done of an image is done: true at once where nothing was; false when none of its edges was
   * done. Never rejects.
   */
  of(destination: RepositoryName, digest: Digest): Promise<boolean>;
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
  readonly arrived: Promise<boolean>;
  readonly settle: (arrived: boolean) => void;
}

/** Waits for the work of a plan's images. */
export function createArrivals(sections: readonly Section[]): ToldArrivals {
  const waits = new Map<string, Wait>();
  for (const { destination, images } of plannedImages({ sections })) {
    for (const { digest, edges } of images) {
      const open = edges.filter(({ verdict }) => isWork(verdict)).length;
      if (open === 0) continue;
      const { promise: arrived, resolve: settle } = withResolvers<boolean>();
      waits.set(`${destination}@${digest}`, { open, done: false, arrived, settle });
    }
  }
  return {
    of: (destination, digest) => waits.get(`${destination}@${digest}`)?.arrived ?? Promise.resolve(true),
    take({ kind, of, failure }) {
      if (kind !== imageKind) return;
      const { destination, image } = of as ImageEdge;
      const wait = waits.get(`${destination}@${image.digest}`);
      if (wait === undefined) return;
      wait.open -= 1;
      wait.done ||= failure === undefined;
      if (wait.open === 0) wait.settle(wait.done);
    },
    close() {
      for (const { settle, done } of waits.values()) settle(done);
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
