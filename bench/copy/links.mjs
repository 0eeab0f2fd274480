// What can stand between a client and a registry, each a process: a link (`link-process.mjs`) or a quota
// (`quota-process.mjs`).
import { fileURLToPath } from "node:url";
import { ask, startForked, stop } from "./processes.mjs";

const linkProgram = fileURLToPath(new URL("link-process.mjs", import.meta.url));
const quotaProgram = fileURLToPath(new URL("quota-process.mjs", import.meta.url));

/**
 * Opens a link to an address. `shape` may have `roundTripMs`, `bitsPerSecond` and `sampleMs`; without them the link only
 * counts: bytes to the registry (`up`) and from it (`down`), connections, and when the first and last byte passed. With
 * `requestsPerSecond` it is a quota instead, and counts requests `passed` and `refused`. Gives the address where
 * clients enter it.
 */
export async function openLink(to, shape = {}) {
  const { requestsPerSecond } = shape;
  const { child, first } =
    requestsPerSecond === undefined
      ? await startForked(linkProgram, [JSON.stringify({ ...shape, to })])
      : await startForked(quotaProgram, [JSON.stringify({ to, perSecond: requestsPerSecond })]);
  return {
    address: first.address,
    /** Counts from nothing again. */
    begin: () => ask(child, { ask: "begin" }),
    counters: () => ask(child, { ask: "counters" }),
    end: () => stop(child),
  };
}
