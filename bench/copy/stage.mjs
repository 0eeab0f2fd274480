// What one run of a client happens between: a source that is filled once, and destinations that are new for each run.
import { openLink } from "./links.mjs";
import { startRegistry } from "./registries.mjs";
import { undelivered } from "./seed.mjs";

const prefixes = { source: "staging", destination: "production" };

/** The prefix below which a stage's destinations, or its source, hold their images. */
export function prefixOf(side) {
  return prefixes[side];
}

/**
 * Opens a stage. `sourceLink` and `destinationLink(position)` shape the links to the registries; `counting` makes
 * links that only count where there would be none. `copyOf` is a registry that the destinations begin as copies of;
 * `destinations` are ones that stay for the next run; `startDestinations` makes others than real registries.
 */
export async function openStage(bench, setting, { counting = false } = {}) {
  const { corpus, copies = 1, copyOf, destinations: kept, sourceLink, destinationLink } = setting;
  const { startDestinations = () => startAll(copies, () => startRegistry(bench.data, { copyOf })) } = setting;
  const source = await bench.sourceOf(corpus);
  const destinations = kept ?? (await startDestinations());
  const registries = [source, ...destinations];
  const shapes = [sourceLink, ...destinations.map((_, position) => destinationLink?.(position))];
  const entrances = await Promise.all(
    registries.map(async ({ address }, position) => {
      const shape = shapes[position] ?? (counting ? {} : undefined);
      const link = shape === undefined ? undefined : await openLink(address, shape);
      return { side: position === 0 ? "source" : "destination", address: link?.address ?? address, link };
    }),
  );
  const links = entrances.filter(({ link }) => link !== undefined);
  const [entrance, ...exits] = entrances.map(({ side, address }) => `${address}/${prefixes[side]}`);
  return {
    task: { corpus, source: entrance, destinations: exits },
    /** Begins to watch; the function it gives tells what was seen since. */
    async watch() {
      const marks = await Promise.all(registries.map((registry) => registry.mark()));
      await Promise.all(links.map(({ link }) => link.begin()));
      return async () => {
        const seen = await Promise.all(
          registries.map((registry, position) => registry.since(marks[position])),
        );
        const counted = await Promise.all(
          links.map(async ({ side, link }) => ({ side, ...(await link.counters()) })),
        );
        return summary(seen, counted);
      };
    },
    /** Tags that some destination lacks. */
    async undelivered() {
      const missing = await Promise.all(
        destinations.map(({ address }) => undelivered(address, prefixes.destination, corpus)),
      );
      return sumOf(missing);
    },
    async end() {
      await Promise.all(links.map(({ link }) => link.end()));
      if (kept === undefined) await Promise.all(destinations.map((registry) => registry.end()));
    },
  };
}

function startAll(count, startOne) {
  return Promise.all(Array.from({ length: count }, startOne));
}

function summary([source, ...destinations], links) {
  const known = (numbers) => (numbers.some((number) => number === undefined) ? undefined : sumOf(numbers));
  const passed = (side, direction) => {
    const counted = links.filter((link) => link.side === side);
    return counted.length === 0 ? undefined : known(counted.map((link) => link[direction]));
  };
  return {
    requests: { source: source.requests, destinations: mergedRequests(destinations) },
    registriesCpuSeconds: sumOf([source, ...destinations].map(({ cpuSeconds }) => cpuSeconds)),
    bytes: {
      source: passed("source", "down"),
      destinations: passed("destination", "up") ?? known(destinations.map(({ bytes }) => bytes)),
    },
    links,
  };
}

function mergedRequests(registries) {
  const sum = {};
  for (const { requests } of registries) {
    for (const [kind, count] of Object.entries(requests)) sum[kind] = (sum[kind] ?? 0) + count;
  }
  return sum;
}

function sumOf(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}
