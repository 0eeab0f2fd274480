// Links between a client and registries, each a process (`link-process.mjs`).
import { fileURLToPath } from "node:url";
import { ask, startForked, stop } from "./processes.mjs";

const program = fileURLToPath(new URL("link-process.mjs", import.meta.url));

/**
 * Opens a link to an address. `shape` may have `roundTripMs`, `bitsPerSecond` and `sampleMs`; without them the link only
 * counts. Gives the address where clients enter it.
 */
export async function openLink(to, shape = {}) {
  const { child, first } = await startForked(program, [JSON.stringify({ ...shape, to })]);
  return {
    address: first.address,
    /** Counts from nothing again. */
    begin: () => ask(child, { ask: "begin" }),
    /** Bytes to the registry (`up`) and from it (`down`), connections, and when the first and last byte passed. */
    counters: () => ask(child, { ask: "counters" }),
    end: () => stop(child),
  };
}
