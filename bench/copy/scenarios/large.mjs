// One image with two layers of 256 MiB, to one registry and to four, and from a source behind a thin link.
import { largeCorpus, sizeOf } from "../corpus.mjs";
import { openStage } from "../stage.mjs";

export const large = largeScenario({
  name: "large",
  title: "One image of 2 × 256 MiB to one registry",
  limit: 60,
});

export const largeFour = largeScenario({
  name: "large-4",
  title: "One image of 2 × 256 MiB to four registries",
  limit: 60,
  copies: 4,
  leaveOut: ["regsync-4"],
});

export const largeFourSlowSource = largeScenario({
  name: "large-4-slow-source",
  title: "One image of 2 × 256 MiB to four registries, the source behind a link of 400 Mbit/s",
  limit: 120,
  copies: 4,
  leaveOut: ["regsync", "regsync-4", "regctl", "skopeo"],
  sourceLink: { bitsPerSecond: 400e6 },
});

function largeScenario({ name, title, limit, copies = 1, leaveOut = [], sourceLink }) {
  return {
    name,
    title,
    run: async (bench, { runs }) => {
      const corpus = bench.quick ? largeCorpus([32, 32]) : largeCorpus();
      const { clients, leftOut } = bench.clients({ copies, leaveOut });
      const results = await bench.compare({
        clients,
        runs,
        limit,
        count: sourceLink === undefined,
        open: (options) => openStage(bench, { corpus, copies, sourceLink }, options),
      });
      return { clients: results, leftOut, facts: { tags: 1, copies, bytes: sizeOf(corpus) } };
    },
  };
}
