// Destinations that keep nothing (`sink-process.mjs`), in the form of registries.
import { fileURLToPath } from "node:url";
import { ask, startForked, stop } from "./processes.mjs";
import { cpuSeconds } from "./registries.mjs";

const program = fileURLToPath(new URL("sink-process.mjs", import.meta.url));

/** So many destinations in one process. They end together, with the first one that is ended. */
export async function startSinks(count) {
  const { child, first } = await startForked(program, [String(count)]);
  let asking = Promise.resolve();
  let ending;
  /** The process answers one question at a time. */
  const inTurn = (position) => {
    asking = asking.then(async () => (await ask(child, {}))[position]);
    return asking;
  };
  return first.addresses.map((address, position) => {
    // The CPU time of the process is that of all; it is told once.
    const cpu = () => (position === 0 ? cpuSeconds(child.pid) : 0);
    return {
      address,
      mark: async () => ({ ...(await inTurn(position)), cpu: await cpu() }),
      async since(mark) {
        const now = await inTurn(position);
        const requests = Object.fromEntries(
          Object.entries(now.requests).map(([kind, amount]) => [kind, amount - (mark.requests[kind] ?? 0)]),
        );
        return { requests, bytes: now.bytes - mark.bytes, cpuSeconds: (await cpu()) - mark.cpu };
      },
      end() {
        ending ??= stop(child);
        return ending;
      },
    };
  });
}
