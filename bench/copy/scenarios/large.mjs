// One image with two layers of 256 MiB, to one registry and to four.
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
  limit: 120,
  copies: 4,
});

function largeScenario({ name, title, limit, copies = 1 }) {
  return {
    name,
    title,
    run: async (bench, { runs }) => {
      const corpus = largeCorpus();
      const clients = await bench.compare({
        clients: bench.clients({ copies }),
        runs,
        limit,
        open: (options) => openStage(bench, { corpus, copies }, options),
      });
      return { clients, facts: { tags: 1, copies, bytes: sizeOf(corpus) } };
    },
  };
}
