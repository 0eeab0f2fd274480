// What a fan-out does over time: with one slow destination, in memory, and byte by byte.
import { largeCorpus, mediumCorpus, sizeOf } from "../corpus.mjs";
import { startSinks } from "../sinks.mjs";
import { openStage } from "../stage.mjs";

export const slowDestination = {
  name: "slow-destination",
  title:
    "Eight images of three platforms with layers of 5 to 20 MiB to registries behind links of 400 Mbit/s, and to one more behind 40 Mbit/s",
  run: async (bench) => {
    const corpus = mediumCorpus(bench.quick ? 2 : 8);
    const results = [];
    const { clients } = bench.clients({ repositories: corpus.images.length, copies: 4 });
    for (const { id, title, kind, plan } of clients.filter(({ id }) =>
      ["waybill", "crane-tuned"].includes(id),
    )) {
      for (const copies of [3, 4]) {
        const without = copies === 3;
        const variant = {
          id: without ? `${id}-alone` : id,
          title: without ? `${title}, without the slow one` : title,
          kind,
          plan,
        };
        const destinationLink = (position) => ({ bitsPerSecond: position === 3 ? 40e6 : 400e6 });
        const compared = await bench.compare({
          clients: [variant],
          runs: 1,
          limit: 180,
          count: false,
          open: (options) => openStage(bench, { corpus, copies, destinationLink }, options),
        });
        results.push(...compared.map(withOthersDone));
      }
    }
    return { clients: results, facts: { tags: corpus.images.length, copies: 4, bytes: sizeOf(corpus) } };
  },
};

export const memory = {
  name: "memory",
  title: "One image with a layer of 1 GiB to 22 registries that keep nothing: resident memory over time",
  run: async (bench) => {
    const corpus = largeCorpus([bench.quick ? 64 : 1024]);
    const copies = 22;
    const ids = ["waybill", "regsync-16"];
    const { clients } = bench.clients({ copies });
    const results = await bench.compare({
      clients: clients.filter(({ id }) => ids.includes(id)),
      runs: 1,
      limit: 300,
      count: false,
      sample: 0.1,
      open: (options) => openStage(bench, { corpus, startDestinations: () => startSinks(copies) }, options),
    });
    return { clients: results, facts: { tags: 1, copies, bytes: sizeOf(corpus) } };
  },
};

export const trace = {
  name: "trace",
  title:
    "One image of 2 × 256 MiB from a source behind 400 Mbit/s to four registries: bytes that have passed over time",
  run: async (bench) => {
    const corpus = bench.quick ? largeCorpus([32, 32]) : largeCorpus();
    const copies = 4;
    const ids = ["waybill", "crane-tuned"];
    const { clients } = bench.clients({ copies });
    const sampleMs = 20;
    const setting = {
      corpus,
      copies,
      sourceLink: { bitsPerSecond: 400e6, sampleMs },
      destinationLink: () => ({ sampleMs }),
    };
    const results = await bench.compare({
      clients: clients.filter(({ id }) => ids.includes(id)),
      runs: 1,
      limit: 180,
      count: false,
      open: (options) => openStage(bench, setting, options),
    });
    return { clients: results.map(thinned), facts: { tags: 1, copies, bytes: sizeOf(corpus) } };
  },
};

/** No more samples of the links than a chart can show. */
function thinned({ runs, ...client }) {
  const everyNth = (samples) => {
    const step = Math.ceil(samples.length / 300);
    return samples.filter((_, position) => position % step === 0 || position === samples.length - 1);
  };
  const links = (run) => run.links.map(({ samples, ...link }) => ({ ...link, samples: everyNth(samples) }));
  return { ...client, runs: runs.map((run) => ({ ...run, links: links(run) })) };
}

/** With the seconds from the beginning until the last manifest went to the last of the first three destinations. */
function withOthersDone({ runs, ...client }) {
  const withSeconds = runs.map((run) => {
    const [one, two, three] = run.links.filter(({ side }) => side === "destination");
    const last = Math.max(...[one, two, three].map(({ manifestAt }) => manifestAt));
    return { ...run, othersDoneSeconds: (last - run.beganAt) / 1000 };
  });
  return { ...client, runs: withSeconds };
}
