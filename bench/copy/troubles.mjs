// Trouble between a client and a registry (`trouble-process.mjs`).
import { fileURLToPath } from "node:url";
import { ask, startForked, stop } from "./processes.mjs";

const program = fileURLToPath(new URL("trouble-process.mjs", import.meta.url));

/**
 * Stands in front of a registry. `shape` may have `seed` and `share` of requests to injure, and `cuts`; without them
 * everything passes. Gives the address where clients enter it.
 */
export async function openTrouble(to, shape = {}) {
  const { child, first } = await startForked(program, [JSON.stringify({ ...shape, to })]);
  return {
    address: first.address,
    /** What has passed so far: `requests`, `injured` by kind, bytes of bodies and all `bytes`, `up` and `down`. */
    counters: () => ask(child, { ask: "counters" }),
    /** Refuses connections, as if nobody were there. */
    close: () => ask(child, { ask: "close" }),
    /** Takes them again. */
    open: () => ask(child, { ask: "open" }),
    end: () => stop(child),
  };
}
