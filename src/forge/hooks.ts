import type { HookTrouble } from "./forge.ts";

/** That hooks are switched off. @param all Those that lead here. */
export function lookedAt(all: number, off: number, why: string): HookTrouble {
  const which = all === 1 ? "the webhook that leads here" : `of ${all} webhooks that lead here, ${off}`;
  return {
    message: all === 1 ? `${which} is off: ${why}` : `${which} ${off === 1 ? "is" : "are"} off: ${why}`,
    hint: "mend what it fails for, and switch it on again on its page, by a test; meanwhile, looking finds all that happens, later",
  };
}

/** What of deliveries that failed is newer than a mark, and the next mark. Their numbers grow. */
export function newestOf(
  ids: readonly number[],
  mark: string | undefined,
): { readonly failed: number; readonly mark: string | undefined } {
  const known = mark === undefined ? Number.NEGATIVE_INFINITY : Number(mark);
  const fresh = ids.filter((id) => id > known);
  return { failed: fresh.length, mark: fresh.length === 0 ? mark : String(Math.max(...fresh)) };
}
