// 200 small images: all of them new, none of them, and a few.
import { sizeOf, smallCorpus, smallCorpusWithChange, smallCorpusWithTag } from "../corpus.mjs";
import { startRegistry } from "../registries.mjs";
import { seed } from "../seed.mjs";
import { openStage, prefixOf } from "../stage.mjs";

const repositories = 40;

export const freshSmall = fresh({
  name: "fresh-small",
  title: "200 small images to one empty registry",
  limit: 120,
});

export const smallFour = fresh({
  name: "small-4",
  title: "200 small images to four empty registries",
  limit: 300,
  copies: 4,
});

export const nothingToDo = {
  name: "nothing-to-do",
  title: "200 small images that are all there",
  run: (bench, { runs }) => {
    const corpus = smallCorpus();
    return withSeeded(bench, corpus, (destination) => ({
      runs: bench.quick ? runs : runs + 2,
      limit: 60,
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

function fresh({ name, title, limit, copies = 1 }) {
  return {
    name,
    title,
    run: async (bench, { runs }) => {
      const corpus = smallCorpus();
      const clients = await bench.compare({
        clients: bench.clients({ repositories, copies }),
        runs,
        limit,
        open: (options) => openStage(bench, { corpus, copies }, options),
      });
      return { clients, facts: factsOf(corpus, copies) };
    },
  };
}

function onTopOfSmall({ name, title, corpusOf }) {
  return {
    name,
    title,
    run: (bench, { runs }) => {
      const corpus = corpusOf();
      return withSeeded(bench, corpus, (copyOf) => ({
        runs,
        limit: 90,
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
    const clients = await bench.compare({
      clients: bench.clients({ repositories }),
      ...experimentWith(seeded),
    });
    return { clients, facts: factsOf(corpus, 1) };
  } finally {
    await seeded.end();
  }
}

function factsOf(corpus, copies) {
  return { tags: corpus.images.length, copies, bytes: sizeOf(corpus) };
}
