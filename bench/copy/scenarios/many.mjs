// 20 medium images to 22 destinations, as many as registry.k8s.io has.
import { mediumCorpus, sizeOf } from "../corpus.mjs";
import { startSinks } from "../sinks.mjs";
import { openStage } from "../stage.mjs";

const copies = 22;

export const mediumMany = {
  name: "medium-22",
  title:
    "20 images of three platforms with layers of 5 to 20 MiB to 22 registries, which keep nothing: what counts is what the source is asked for",
  run: async (bench) => {
    const corpus = mediumCorpus(bench.quick ? 2 : 20);
    const repositories = corpus.images.length;
    const leaveOut = ["crane", "regsync", "regsync-4", "skopeo"];
    const { clients, leftOut } = bench.clients({ repositories, copies, leaveOut });
    const setting = { corpus, sourceLink: {}, startDestinations: () => startSinks(copies) };
    const results = await bench.compare({
      clients,
      runs: 1,
      limit: 400,
      count: false,
      open: (options) => openStage(bench, setting, options),
    });
    return {
      clients: results,
      leftOut,
      facts: { tags: corpus.images.length, copies, bytes: sizeOf(corpus) },
    };
  },
};
