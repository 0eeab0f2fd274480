// 200 small images: all of them new, on loopback and through long links; none of them; and a few.
import { sizeOf, smallCorpus, smallCorpusWithChange, smallCorpusWithTag } from "../corpus.mjs";
import { startRegistry } from "../registries.mjs";
import { seed } from "../seed.mjs";
import { openStage, prefixOf } from "../stage.mjs";

const repositories = 40;
/** How many times as long as the best of its kind a client may take where all of them take long. */
const patience = 1.25;

export const freshSmall = fresh({
  name: "fresh-small",
  title: "200 small images to one empty registry",
  limit: 80,
});

export const freshSmall40 = distant({ roundTripMs: 40, limit: 240, leaveOut: ["skopeo"] });
export const freshSmall120 = distant({
  roundTripMs: 120,
  limit: 240,
  leaveOut: ["crane", "crane-tuned", "regsync", "regsync-4", "skopeo", "skopeo-tuned"],
});

export const smallFour = fresh({
  name: "small-4",
  title: "200 small images to four empty registries",
  limit: 240,
  patience,
  copies: 4,
  leaveOut: ["crane", "regsync", "regsync-4", "skopeo"],
});

export const nothingToDo = {
  name: "nothing-to-do",
  title: "200 small images that are all there",
  run: (bench, { runs }) => {
    const corpus = smallCorpus();
    return withSeeded(bench, corpus, (destination) => ({
      runs: bench.quick ? runs : runs + 2,
      limit: 20,
      open: (options) => openStage(bench, { corpus, destinations: [destination] }, options),
    }));
  },
};

export const newTag = onTopOfSmall({
  name: "new-tag",
  title: "200 small images that are all there, and a new tag for one of them in each of 40 repositories",
  corpusOf: smallCorpusWithTag,
});

export const oneLayer = onTopOfSmall({
  name: "one-layer",
  title: "200 small images that are all there, and 40 new ones that differ from them in one layer",
  corpusOf: smallCorpusWithChange,
});

function fresh({ name, title, limit, patience: allowed, copies = 1, leaveOut = [], link }) {
  return {
    name,
    title,
    run: async (bench, { runs }) => {
      const corpus = smallCorpus();
      const { clients, leftOut } = bench.clients({
        repositories,
        copies,
        leaveOut,
        distant: link !== undefined,
      });
      const setting = { corpus, copies, sourceLink: link, destinationLink: () => link };
      const results = await bench.compare({
        clients,
        runs,
        limit,
        patience: allowed,
        count: link === undefined,
        open: (options) => openStage(bench, setting, options),
      });
      return { clients: results, leftOut, facts: factsOf(corpus, copies) };
    },
  };
}

function distant({ roundTripMs, limit, leaveOut }) {
  return fresh({
    name: `fresh-small-${roundTripMs}ms`,
    title: `200 small images to one empty registry, both registries ${roundTripMs} ms away`,
    limit,
    patience,
    leaveOut,
    link: { roundTripMs },
  });
}

function onTopOfSmall({ name, title, corpusOf }) {
  return {
    name,
    title,
    run: (bench, { runs }) => {
      const corpus = corpusOf();
      return withSeeded(bench, corpus, (copyOf) => ({
        runs,
        limit: 40,
        open: (options) => openStage(bench, { corpus, copyOf }, options),
      }));
    },
  };
}

/** Runs an experiment with a registry in which the small corpus is at its destination already. */
async function withSeeded(bench, corpus, experimentWith) {
  const seeded = await startRegistry(bench.data);
  try {
    await seed(seeded.address, prefixOf("destination"), smallCorpus());
    const { clients, leftOut } = bench.clients({ repositories });
    const results = await bench.compare({ clients, ...experimentWith(seeded) });
    return { clients: results, leftOut, facts: factsOf(corpus, 1) };
  } finally {
    await seeded.end();
  }
}

function factsOf(corpus, copies) {
  return { tags: corpus.images.length, copies, bytes: sizeOf(corpus) };
}
