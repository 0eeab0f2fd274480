import type { TriggerWorld } from "./model.ts";

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
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}
