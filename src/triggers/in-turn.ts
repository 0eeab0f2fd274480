import type { TriggerWorld } from "./model.ts";
import { ClaimLost } from "./remotes.ts";

/**
 * Does something for each, in order. One that fails keeps none of the others from it: what the first of them threw is thrown when all have
 * had their turn.
 */
export async function inTurn<Item>(
  { signal }: Pick<TriggerWorld, "signal">,
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      signal?.throwIfAborted();
      // Another process does it for all of them by now.
      if (error instanceof ClaimLost) throw error;
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}
