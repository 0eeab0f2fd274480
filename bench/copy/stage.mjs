// What one run of a client happens between: a source that is filled once, and destinations that are new for each run.
import { openLink } from "./links.mjs";
import { startRegistry } from "./registries.mjs";
import { undelivered } from "./seed.mjs";

const prefixes = { source: "staging", destination: "production" };

/**
 * Opens a stage. `sourceLink` and `destinationLink(position)` shape the links to the registries; `counting` makes
 * links that only count where there would be none. `copyOf` is a registry that the destinations begin as copies of;
 * `destinations` are ones that stay for the next run.
 */
export async function openStage(
  bench,
  { corpus, copies = 1, copyOf, destinations: kept, sourceLink, destinationLink = () => undefined },
  { counting = false } = {},
) {
  const source = await bench.sourceOf(corpus);
  const destinations =
    kept ?? (await Promise.all(Array.from({ length: copies }, () => startRegistry(bench.data, { copyOf }))));
  const links = [];
  const enter = async (side, registry, shape) => {
    if (shape === undefined && !counting) return registry.address;
    const link = await openLink(registry.address, shape);
    links.push({ side, link });
    return link.address;
  };
  const sourceAddress = await enter("source", source, sourceLink);
  const addresses = [];
  for (const [position, registry] of destinations.entries()) {
    addresses.push(await enter("destination", registry, destinationLink(position)));
  }
  return {
    task: {
      corpus,
      source: `${sourceAddress}/${prefixes.source}`,
      destinations: addresses.map((address) => `${address}/${prefixes.destination}`),
    },
    /** Begins to watch; the function it gives tells what was seen since. */
    async watch() {
      const marks = await Promise.all([source, ...destinations].map((registry) => registry.mark()));
      await Promise.all(links.map(({ link }) => link.begin()));
      return async () => {
        const seen = await Promise.all(
          [source, ...destinations].map((registry, position) => registry.since(marks[position])),
        );
        const passed = await Promise.all(
          links.map(async ({ side, link }) => ({ side, ...(await link.counters()) })),
        );
        return summary(seen, passed);
      };
    },
    /** Tags that some destination lacks. */
    async undelivered() {
      const missing = await Promise.all(
        destinations.map(({ address }) => undelivered(address, prefixes.destination, corpus)),
      );
      return missing.reduce((sum, count) => sum + count, 0);
    },
    async end() {
      for (const { link } of links) await link.end();
      if (kept === undefined) for (const registry of destinations) await registry.end();
    },
  };
}

/** The prefix below which a stage's destinations, or its sources, hold their images. */
export function prefixOf(side) {
  return prefixes[side];
}

function summary([source, ...destinations], passed) {
  const bytes = (side, direction) =>
    passed.filter((link) => link.side === side).reduce((sum, link) => sum + link[direction], 0);
  return {
    requests: {
      source: source.requests,
      destinations: destinations.reduce((sum, { requests }) => {
        for (const [kind, count] of Object.entries(requests)) sum[kind] = (sum[kind] ?? 0) + count;
        return sum;
      }, {}),
    },
    registriesCpuSeconds: [source, ...destinations].reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    ...(passed.length === 0
      ? {}
      : {
          bytes: { source: bytes("source", "down"), destinations: bytes("destination", "up") },
          links: passed,
        }),
  };
}
