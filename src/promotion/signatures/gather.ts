import type { RepositoryName } from "../../oci/index.ts";
import type { PlannedSigning } from "./planned-signatures.ts";

/** Puts images of which the same is to be said at several destinations together. */
export interface SigningGathering {
  /** One of which there is nothing to say is left out. */
  add(destination: RepositoryName, image: Omit<PlannedSigning, "destinations">): void;
  /** In the order of their first destinations, and then of their digests. */
  items(): PlannedSigning[];
}

/** Begins with no image. */
export function gatherSigning(): SigningGathering {
  const gathered = new Map<string, PlannedSigning & { readonly destinations: RepositoryName[] }>();
  return {
    add(destination, image) {
      if (image.edges.length === 0) return;
      const key = JSON.stringify(image);
      const known = gathered.get(key);
      if (known === undefined) gathered.set(key, { destinations: [destination], ...image });
      else known.destinations.push(destination);
    },
    items() {
      const items = [...gathered.values()];
      for (const { destinations } of items) destinations.sort();
      return items.sort((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1));
    },
  };
}

function placeOf({ destinations: [first], digest }: PlannedSigning): string {
  return `${first} ${digest}`;
}
